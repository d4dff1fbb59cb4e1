"""A run's checkpoints as trajectories, from the models a run folder holds."""

import numpy as np
import pytest

from greendapt.core.figures import Figure
from greendapt.core.records import COST_UNITS, Record, Row, Summary
from greendapt.store.run_trajectories import trajectories
from greendapt.store.runinfo import DataInfo, DatasetInfo, RunData, RunInfo
from greendapt.suite.models import Suite

PHANTOM = {"source": "phantom"}


@pytest.fixture
def suite():
    phase = {"train": "all", "epochs": 6, "learning_rate": 1e-3, "keep_checkpoints": [2, 4]}
    probe = {"kind": "probe", "epochs": 1, "learning_rate": 1e-3}
    return Suite(
        schema=1,
        name="s",
        title="s",
        run={"strategies": ["kept"], "transfers": ["here", "there"]},
        model={"backbones": ["test_resnet"]},
        data={
            "pool": PHANTOM,
            "development": PHANTOM,
            "targets": {"other": {"development": PHANTOM}},
        },
        phase={"adapt": phase},
        strategy={"kept": {"phases": ["adapt"]}, "plain": {}},
        transfer={"here": probe, "there": probe | {"target": "other"}},
    )


def row(strategy, auc, joules, transfer="here", seed=0):
    spent = {
        name: Figure.measured(joules, COST_UNITS[name], "made up")
        for name in ("wall_s", "energy_j", "carbon_g", "training_flops", "peak_memory_bytes")
    }
    return Row(
        strategy=strategy, backbone="test_resnet", seed=seed, transfer=transfer, shots="full",
        metrics={"development": {"auc": auc}}, stages=[f"adapt {strategy}"], **spent,
        parts={"adaptation": {
            "energy_j": spent["energy_j"], "wall_s": Figure.unavailable("s", "no clock"),
        }},
    )  # fmt: skip


def record(strategy, **details):
    return Record(
        key=f"adapt {strategy}", kind="adapt", role="adaptation", title=strategy,
        started_at="2026-11-21T00:00:00", details=details,
    )  # fmt: skip


def scored(epoch, values):
    return {"epoch": epoch, "values": values}


RECORDS = [
    record("kept@2", val_loss=[0.9, 0.8], scores=[scored(2, {"-robustness": 0.3, "probe": 0.5})]),
    record("kept@4", val_loss=[0.9, 0.8, 0.7, 0.6], scores=[scored(4, {"probe": None})]),
    record("kept"),
]


def read(suite, rows, records=RECORDS):
    summary = Summary(synthetic=True, suite="s", profile="default", rows=rows)
    data = DataInfo(development=DatasetInfo(name="development"))
    return trajectories(RunData(RunInfo(suite=suite, data=data), tuple(records), summary))


def test_epochs_quality_scores_and_costs(suite):
    rows = [row("kept", 0.8, 9), row("plain", 0.1, 1), row("kept@2", 0.5, 3), row("kept@4", 0.9, 6)]
    (one,) = read(suite, rows)
    assert one.name == "kept, test_resnet, here, all labels, seed 0"
    assert one.dataset == "development"
    np.testing.assert_array_equal(one.epochs, [2, 4, 6])
    np.testing.assert_allclose(one.quality, [[50, 90, 80]])
    np.testing.assert_array_equal(one.energy_j, [3, 6, 9])
    assert np.isnan(one.wall_s).all()
    np.testing.assert_array_equal(one.scores["val_loss"], [-0.8, -0.6, np.nan])
    np.testing.assert_array_equal(one.scores["robustness"], [-0.3, np.nan, np.nan])
    np.testing.assert_array_equal(one.scores["probe"], [0.5, np.nan, np.nan])


def test_a_series_for_each_seed_and_transfer_with_its_task(suite):
    setups = [("here", 0), ("here", 1), ("there", 0)]
    rows = [row(s, 0.5, 1, t, seed) for t, seed in setups for s in ("kept@2", "kept")]
    assert [one.dataset for one in read(suite, rows)] == ["development", "development", "other"]


def test_what_no_epoch_was_judged_of_is_no_series(suite):
    assert read(suite, [row("kept", 0.8, 9)]) == []
    assert read(suite, [row("kept", 0.8, 9), row("kept@2", None, 3)]) == []
