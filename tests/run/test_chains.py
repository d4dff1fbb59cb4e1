"""A plan as jobs: nothing is lost, nothing is in two jobs but what goes before them."""

from collections import Counter

import pytest

from greendapt.run.plan import stages
from greendapt.run.prepare import prepare_session
from greendapt.run.workers.chains import chains, common
from greendapt.suite import suite_files

pytestmark = pytest.mark.usefixtures("undone")


@pytest.fixture(scope="module")
def plan(tiny):
    change = {
        "run": {
            "strategies": ["none", "full", "partial"], "transfers": ["probe", "finetune"],
            "seeds": 2, "shots": [5, "full"],
        },
        "model": {"weights": "fractal"},
    }  # fmt: skip
    return prepare_session(suite_files.load(tiny, changes=[change]), lambda _: None).plan


def test_every_stage_is_in_some_job_parents_first(plan):
    groups = chains(plan)
    assert {stage.key for of in groups for stage in of} == {stage.key for stage in stages(plan)}
    for of in groups:
        seen = set()
        for stage in of:
            assert {parent.key for parent in stage.reads} <= seen
            seen.add(stage.key)


def test_what_several_jobs_need_is_what_goes_before(plan):
    groups = chains(plan)
    first = common(groups)
    asked = Counter(stage.key for of in groups for stage in of)
    assert {stage.key for stage in first} == {key for key, n in asked.items() if n > 1}
    assert {stage.kind for stage in first} >= {"pretrain"}
    before = [stage.key for stage in first]
    for stage in first:
        for parent in stage.reads:
            assert before.index(parent.key) < before.index(stage.key)


def test_seeds_are_jobs_of_their_own_and_cells_of_one_adaptation_are_one(plan):
    groups = chains(plan)
    seeds = [{stage.seed for stage in of if stage.kind == "adapt"} for of in groups]
    assert all(len(one) <= 1 for one in seeds)
    trained = [s.key for of in groups for s in of if s.kind in ("adapt", "finetune", "probe")]
    assert len(trained) == len(set(trained))
