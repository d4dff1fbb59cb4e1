"""What a prediction takes is measured once a network, and moves no other stage's key."""

import numpy as np
import pytest
from PIL import Image

from greendapt.core.records import Kind
from greendapt.meter import Meter
from greendapt.run.plan import stages
from greendapt.run.prepare import prepare_session
from greendapt.run.progress import PlainReporter
from greendapt.run.scheduler import Scheduler
from greendapt.run.stages import use
from greendapt.run.stages.base import Monitor
from greendapt.run.workers.claims import Claims
from greendapt.store.run import RunFolder
from greendapt.suite import overrides, suite_files

CHANGES = {
    "run": {"strategies": ["none", "full", "cut"], "seeds": 2},
    "strategy": {"cut": {"cut": 1}},
}


@pytest.fixture
def session(tiny):
    """Prepared, its suite with these changes and more."""
    return lambda *more: prepare_session(
        suite_files.load(tiny, changes=[CHANGES, *more]), lambda _: None
    )


def test_one_measurement_a_network(session, tmp_path, monkeypatch):
    monkeypatch.setattr(use, "_ROUND_S", 0.01)
    asked = session({"use": {"batches": [4]}})
    planned = stages(asked.plan)
    found = [stage for stage in planned if stage.kind is Kind.USE]
    assert [stage.start.cut for stage in found] == [None, 1]
    plain = {stage.key for stage in stages(session().plan)}
    assert plain == {stage.key for stage in planned} - {stage.key for stage in found}

    folder = RunFolder.create(tmp_path, "tiny")
    meter = Meter(device="cpu")
    scheduler = Scheduler(asked.context(folder), meter, PlainReporter(), Claims(folder.claims))
    records = scheduler.run(found, planned)
    meter.close()
    whole, cut = (records[stage.key].details for stage in found)
    assert whole.flops > cut.flops > 0
    assert whole.bytes > cut.bytes > 0
    for pace in whole.paces:
        assert pace.median_ms <= pace.p95_ms
        assert pace.passes >= 3
        assert pace.energy_j.low <= pace.energy_j.value <= pace.energy_j.high
    assert [pace.batch for pace in whole.paces] == [1, 4]
    assert whole.from_files is None  # the images are drawn
    for record in records.values():
        assert record.role == "use"


def test_a_folder_is_also_read_from_its_files(session, tmp_path, monkeypatch):
    monkeypatch.setattr(use, "_ROUND_S", 0.01)
    generator = np.random.default_rng(0)
    for number in range(60):
        path = tmp_path / "data" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (40, 50), np.uint8)).save(path)
    data = overrides.datasets([f"development={tmp_path / 'data'}"])
    once = {"run": {"strategies": ["none"], "seeds": 1}}
    asked = session({"use": {"batches": [4]}, "data": data}, once)
    (stage,) = (one for one in stages(asked.plan) if one.kind is Kind.USE)
    details = stage.run(asked.context(RunFolder.create(tmp_path, "tiny"))).details
    assert details.from_files.batch == details.cheapest.batch
    assert details.from_files.wall_s > details.cheapest.wall_s


def test_without_a_meter_there_is_time_and_no_energy(monkeypatch):
    monkeypatch.setattr(use, "_ROUND_S", 0.001)
    pace = use._pace(lambda: None, 2, Monitor())
    assert pace.energy_j.value is None
    assert pace.wall_s > 0
    assert pace.price == (True, pace.wall_s)
