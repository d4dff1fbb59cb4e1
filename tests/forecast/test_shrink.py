"""Stages and data made small."""

import numpy as np
import pytest

from greendapt.forecast.shrink import smaller
from greendapt.run.ground import Digests
from greendapt.run.plan import cells, stages
from greendapt.run.prepare import prepare_session
from greendapt.store.run import RunFolder
from greendapt.suite import suite_files


def planned(tiny, *changes):
    digests = Digests(
        {None: "pool"}, {None: ("development", "external")}, {"test_resnet": "weights"}
    )
    return stages(cells(suite_files.load(tiny, changes=changes), digests))


def adapts(found):
    return [stage for stage in found if stage.kind == "adapt"]


def test_seeds_epochs_and_rates_make_no_other_kind_of_stage(tiny):
    one = {stage.likeness for stage in planned(tiny)}
    longer = planned(tiny, {"run": {"seeds": 3}, "phase": {"adapt": {"learning_rate": 0.5}}})
    longer += planned(tiny, {"phase": {"adapt": {"epochs": 9}, "head": {"epochs": 7}}})
    assert {stage.likeness for stage in longer} == one


@pytest.mark.parametrize(
    "changed", [{"batch_size": 4}, {"batch_norm": "train"}, {"train": "last:1"}]
)
def test_what_makes_a_step_slower_makes_another_kind_of_stage(tiny, changed):
    before = {stage.likeness for stage in planned(tiny)}
    after = planned(tiny, {"phase": {"adapt": changed}, "run": {"strategies": ["full"]}})
    here = adapts(after)[-1].likeness
    assert here not in {s.likeness for s in adapts(planned(tiny)) if s.phase.train == "all"}
    assert changed == {"train": "last:1"} or here not in before


def test_a_shortened_stage_is_never_stopped_and_starts_at_its_own_beginning(tiny):
    stop = {"rule": "gain", "window": 2, "every": 2}
    (stage,) = [
        one
        for one in adapts(
            planned(tiny, {"run": {"strategies": ["full"]}, "phase": {"adapt": {"stop": stop}}})
        )
        if one.phase.stop
    ]
    short = stage.shortened(4)
    assert (short.key, short.phase.epochs, short.earlier) == (stage.key, 4, None)
    assert (short.phase.stop.rule, short.phase.stop.every) == ("patience", 2)
    assert short.phase.stop.looks > 4


@pytest.mark.usefixtures("undone")
def test_a_smaller_context_keeps_every_class_in_every_split(tiny, tmp_path):
    session = prepare_session(suite_files.load(tiny), lambda _: None)
    bench = session.context(RunFolder(tmp_path))
    small = smaller(bench, 20, RunFolder(tmp_path / "small")).data
    assert len(small.pool) < len(bench.data.pool)
    for split in ("train", "val", "test"):
        before, after = bench.data.development.part(split), small.development.part(split)
        assert set(np.unique(after.targets)) == set(np.unique(before.targets))
        assert len(after) <= len(before)
    whole = smaller(bench, 10**6, RunFolder(tmp_path)).data
    assert len(whole.development) == len(bench.data.development)
