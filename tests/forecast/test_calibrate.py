"""From samples to paces, and a calibration of the tiny suite."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.forecast.calibrate import Pace, Sample
from greendapt.forecast.predict import forecast_here
from greendapt.run.prepare import prepare_session
from greendapt.run.stages.counted import Effort
from greendapt.store.run import RunFolder
from greendapt.suite import suite_files

SECONDS = st.floats(0, 100)


def sample(pace, images, steps, epochs):
    epoch_s = (pace.step_s * steps / epochs,) * epochs if epochs else ()
    did = Effort(0, steps, images)
    return Sample(did, pace.fixed_s + pace.image_s * images + sum(epoch_s), 1.0, epoch_s)


@given(
    fixed_s=SECONDS,
    image_s=st.floats(0, 1),
    step_s=SECONDS,
    images=st.integers(10, 10**6),
    steps=st.integers(1, 10**4),
)
def test_what_follows_the_line_is_predicted_at_any_size(fixed_s, image_s, step_s, images, steps):
    real = Pace(fixed_s, image_s, step_s)
    small, large = sample(real, 48, 3, 1), sample(real, 600, 120, 4)
    asked = Effort(0, steps, images)
    found = Pace.through([small, large, large])
    assert found.wall_s(asked) == pytest.approx(real.wall_s(asked), rel=1e-6, abs=1e-4)


def test_one_slow_round_does_not_move_the_pace():
    real = Pace(1.0, 0.01, 0.1)
    small, large = sample(real, 48, 3, 1), sample(real, 600, 120, 4)
    slow = replace(large, wall_s=9 * large.wall_s, epoch_s=tuple(9 * s for s in large.epoch_s))
    found = Pace.through([small, large, slow, large])
    asked = Effort(0, 500, 5000)
    assert found.wall_s(asked) == pytest.approx(real.wall_s(asked))


def test_one_size_is_a_constant_and_never_less_than_nothing():
    real = Pace(2.0, 0.0, 0.0)
    assert Pace.through([sample(real, 48, 0, 0)]) == real
    faster = [Sample(Effort(0, 0, 48), 3.0, None), Sample(Effort(0, 0, 600), 1.0, None)]
    assert Pace.through(faster) == Pace(1.0, 0.0, 0.0)


@pytest.mark.usefixtures("undone")
def test_a_prefix_without_room_is_planned_as_it_runs(tiny, tmp_path):
    changes = [{"run": {"strategies": ["partial"], "prefix_cache_gb": 1e-9}}]
    session = prepare_session(suite_files.load(tiny, changes=changes), lambda _: None)
    said = forecast_here(session, tmp_path, [], lambda _: None)
    assert {stage.kept for stage in said.stages if stage.kind == "prefix"} == {"not stored"}
    assert any("its phases run the plain way" in line for line in said.basis)
    plain = session.context(RunFolder(tmp_path))
    for stage in (one for one in said.stages if one.kind == "adapt"):
        (planned,) = {s for c in session.plan for s in c.stages if s.key == stage.key}
        assert stage.flops == replace(planned, prefix=None).effort(plain).flops
        assert stage.wall_s > 0


@pytest.mark.usefixtures("undone")
def test_every_stage_is_planned_and_nothing_is_left_behind(
    tiny, tmp_path, tmp_path_factory, monkeypatch
):
    # no other test's generic weights
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path_factory.mktemp("cache")))
    changes = [{"model": {"weights": "fractal"}, "run": {"transfers": ["probe", "finetune"]}}]
    session = prepare_session(suite_files.load(tiny, changes=changes), lambda _: None)
    done = session.plan[0].stages[1]
    said = forecast_here(session, tmp_path, [done.key], lambda _: None)
    assert not list(tmp_path.iterdir())
    assert {stage.key for stage in said.stages} == {s.key for c in session.plan for s in c.stages}
    assert "pretrain" in {stage.kind for stage in said.stages if not stage.kept}
    for stage in said.stages:
        assert bool(stage.kept) == (stage.key == done.key)
        assert (stage.wall_s > 0) != bool(stage.kept)
        assert stage.energy_j is None or (stage.energy_j > 0) != bool(stage.kept)
