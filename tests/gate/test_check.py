"""What of a baseline is judged: by the seeds there are, and the strategies that were asked for."""

from dataclasses import replace

import pytest

from greendapt.cli.check import _newest
from greendapt.core.errors import GreendaptError
from greendapt.core.figures import Quality
from greendapt.gate import check as gate
from greendapt.gate.facts import Cell, Repeats, Side
from greendapt.gate.outcomes import Outcome, worst
from greendapt.gate.outputs import Findings, as_markdown
from greendapt.store.baselines import Machine
from greendapt.suite.limits import NO_LIMITS, Tier


def cell(flops=100, seeds=1):
    time = Repeats((2.0,) * seeds, Quality.MEASURED)
    counts = dict.fromkeys(range(seeds), flops)
    scores = {"auc": dict.fromkeys(range(seeds), 0.8)}
    return Cell({"training_flops": counts}, scores, {"wall_s": time.spread()}, {"wall_s": time})


def side(*strategies, **made):
    return Side(
        title="a run",
        suite="s",
        profile="default",
        data="d",
        machine_key="m",
        machines={"m": Machine(says="a machine")},
        cells={(name, "net", "probe", "full"): cell(**made) for name in strategies},
        strategies=frozenset(strategies),
    )


@pytest.mark.parametrize(
    ("base", "head", "poor"),
    [
        (1, 1, {Tier.NOISY, Tier.ACCURACY}),
        (2, 2, {Tier.NOISY}),
        (3, 3, set()),
        (3, 1, set()),  # fewer seeds than the baseline leave no gate out
    ],
)
def test_tiers_that_neither_side_has_the_seeds_for_are_left_out(base, head, poor):
    assert gate.too_few(side("full", seeds=base), side("full", seeds=head)).keys() == poor


def test_of_one_seed_the_exact_tier_alone_is_judged_and_passes():
    base = head = side("full")
    wanted = frozenset(Tier) - gate.too_few(base, head).keys()
    assert worst(gate.check(base, head, NO_LIMITS, wanted)) is Outcome.PASS
    assert worst(gate.check(base, head, NO_LIMITS)) is Outcome.INCONCLUSIVE


def test_strategies_that_were_not_asked_for_are_a_note():
    base, head = side("full", "none", seeds=3), side("full", seeds=3)
    assert worst(gate.check(base, head, NO_LIMITS)) is Outcome.PASS
    assert gate.left_out(base, head) == ("not asked for in this run, and not judged: none",)
    lost = replace(head, strategies=frozenset({"full", "none"}))
    assert worst(gate.check(base, lost, NO_LIMITS)) is Outcome.VOID
    (verdict,) = gate.check(base, side("other"), NO_LIMITS)
    assert verdict.outcome is Outcome.VOID
    assert "none of the baseline's strategies" in verdict.phrase


def test_markdown_has_base_head_and_difference_of_what_changed():
    base, head = side("full", "none", seeds=3), side("full", "none", seeds=3)
    head = replace(head, cells=head.cells | {("full", "net", "probe", "full"): cell(150, 3)})
    found = Findings("base", "head", tuple(gate.check(base, head, NO_LIMITS)))
    row = "| full | training FLOPs | 100 FLOP | 150 FLOP | +50% | REGRESSION |"
    text = as_markdown(found)
    assert row in text
    assert "| none | training" not in text
    assert "difference" not in as_markdown(
        Findings("b", "h", tuple(gate.check(base, base, NO_LIMITS)))
    )


def test_of_several_runs_the_newest_is_judged(tmp_path, capsys):
    for name, when in (("a", "2026-01-02"), ("b", "2026-01-03"), ("c", "2026-01-01")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(RUN.replace("WHEN", f"{when}T00:00:00+00:00"))
    (tmp_path / "trend").mkdir()
    assert _newest(sorted(tmp_path.iterdir())) == tmp_path / "b"
    assert f"of 3 runs the newest is judged: {tmp_path / 'b'}" in capsys.readouterr().err
    with pytest.raises(GreendaptError, match="none of the 2 paths is the folder of a run"):
        _newest([tmp_path / "trend", tmp_path / "nope"])


RUN = """{"schema": 2, "started_at": "WHEN", "suite": {"schema": 1, "name": "s", "title": "s",
"model": {"backbones": ["test_resnet"]}, "run": {"strategies": ["none"], "transfers": ["probe"]},
"strategy": {"none": {}},
"transfer": {"probe": {"kind": "probe", "epochs": 1, "learning_rate": 1e-3}},
"data": {"pool": {"source": "phantom"}, "development": {"source": "phantom"}}}}"""
