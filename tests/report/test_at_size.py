"""A question asked on a small pool, for a large one."""

from dataclasses import replace

import pytest

from greendapt.core.errors import RunError
from greendapt.core.figures import Quality
from greendapt.report.at_size import at_size, size_sentences
from greendapt.report.view.from_run import view
from greendapt.report.view.recommendation import recommendations
from greendapt.store.runinfo import DatasetInfo

TEN = 6000  # times the 600 of the run


@pytest.mark.parametrize("images", [TEN, 60])
@pytest.mark.parametrize("key", ["training_flops", "energy_j", "carbon_g"])
def test_adaptation_grows_with_the_pool_and_transfer_does_not(written, key, images):
    run = written()
    for before, after in zip(run.summary.rows, at_size(run, images).summary.rows, strict=True):
        adaptation = before.parts.get("adaptation", {})
        part = adaptation[key].value if adaptation else 0.0
        wanted = before.parts["transfer"][key].value + images / 600 * part
        assert getattr(after, key).value == pytest.approx(wanted)
        assert (getattr(after, key).quality is Quality.ESTIMATED) or not adaptation
        assert after.peak_memory_bytes == before.peak_memory_bytes


def test_what_the_run_cost_stays_and_is_paid_back_sooner(written):
    run = written()
    here, there = view(run).bill, view(at_size(run, TEN)).bill
    assert here.spent == there.spent
    assert here.paybacks[0].reference == there.paybacks[0].reference == "full"
    assert there.paybacks[0].worth < here.paybacks[0].worth / 9
    assert there.paybacks[0].after.mean < here.paybacks[0].after.mean


def test_the_cheapest_is_who_is_so_there(written):
    """Transfer alone costs the same on any pool; what is as good and adapts falls behind."""
    (one,) = recommendations(at_size(written(patients=0.004), TEN))
    assert one.take == "partial2"
    assert "~" in one.sentences[0]


def test_it_says_that_qualities_are_those_of_the_small_pool(written):
    costs, qualities = size_sentences(written(), TEN)
    assert "a pool of 6,000 images (here 600): of adaptation 10 times" in costs
    assert "are those of 600 images" in qualities
    assert "is not known" in qualities


def test_pools_of_their_own_or_a_pool_of_unknown_size_are_refused(written):
    run = written()
    unknown = run.info.data.model_copy(update={"pool": DatasetInfo()})
    with pytest.raises(RunError, match="how large the pool of this run was is not known"):
        at_size(replace(run, info=run.info.model_copy(update={"data": unknown})), TEN)
    pools = {"pools": {"half": 300}, "strategies": ["half"], "levels": {"half": (0.8, 0.0, 5.0)}}
    with pytest.raises(RunError, match="pools of their own"):
        at_size(written(**pools), TEN)


def test_what_goes_over_a_larger_pool_less_often_is_refused(written):
    run = written()
    phases = {
        name: phase.model_copy(update={"min_steps": 10_000})
        for name, phase in run.info.suite.phase.items()
    }
    suite = run.info.suite.model_copy(update={"phase": phases})
    longer = replace(run, info=run.info.model_copy(update={"suite": suite}))
    with pytest.raises(RunError, match=r"at-size 6000: strategy '\w+' has a phase with min_steps"):
        at_size(longer, TEN)
