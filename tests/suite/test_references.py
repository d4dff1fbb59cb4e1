"""What strategies are, known by what they do."""

import pytest

from greendapt.suite import references
from greendapt.suite.suite_files import find, load

KINDS = {
    "full_dapt": ["full", "lp-ft"],
    "partial_dapt": ["last:1", "last:2", "bias", "norm", "apla"],
    "hybrid_dapt": ["gradual"],
    "freezing_dapt": ["settling"],
    "simplified_dapt": [],
}


@pytest.mark.parametrize("kind", KINDS)
def test_strategies_of_the_suite_peft_by_what_trains(kind):
    suite = load(find("peft"))
    found = getattr(references, kind)(suite, suite.run.strategies)
    assert sorted(found) == sorted(KINDS[kind])


def test_every_strategy_of_the_suite_chestxray_is_of_one_kind():
    suite = load(find("chestxray"))
    names = list(suite.run.strategies)
    assert references.full_dapt(suite, names) == ["full"]
    assert references.freezing_dapt(suite, names) == ["freezing:last2"]
    for kind in ("partial", "hybrid", "simplified"):
        found = getattr(references, f"{kind}_dapt")(suite, names)
        assert found == [name for name in names if name.startswith(kind)]
