"""Runs in experiment trackers: each written by the real library, and read back."""

import sys
from importlib.util import find_spec

import pytest

from greendapt.core.errors import RunError
from greendapt.report.trackers.cell_logs import LOSS, run_log
from greendapt.report.trackers.table import TRACKERS, track

NAMES = [f"resnet18, {strategy}, probe, all labels, seed 0" for strategy in ("none", "full")]


@pytest.fixture
def run(written):
    return written(chains=True, strategies=["none", "full"], seeds=1)


@pytest.fixture
def tracked(run, tmp_path, monkeypatch):
    """``tracked(name)``: where a tracker left the run; skips where it is not installed."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def log(name, *needs):
        for needed in (name, *needs):
            if find_spec(needed) is None:
                pytest.skip(f"{needed} is not installed")
        return track(run, tmp_path / "run", name, tmp_path / name)

    return log


def test_a_cell_has_its_settings_scores_costs_and_losses(run):
    none, full = run_log(run, "run").cells
    assert [none.name, full.name] == NAMES
    assert full.settings["strategy"] == "full"
    assert full.settings["energy_j_quality"] == "estimated"
    assert "development/auc" in full.metrics
    assert full.metrics["energy_j"] > none.metrics["energy_j"]
    assert "seed" not in full.metrics
    assert (len(full.losses), none.losses) == (6, ())


def test_tensorboard_reads_metrics_losses_and_settings(run, tracked):
    done = tracked("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert done.next_step == f"tensorboard --logdir {done.folder}"
    full, none = sorted(done.folder.iterdir())
    assert none.name == "resnet18-none-probe-all-labels-seed-0"
    events = EventAccumulator(str(full)).Reload()
    expected = run_log(run, "run").cells[1]
    assert set(events.Tags()["scalars"]) == {*expected.metrics, LOSS}
    (auc,) = events.Scalars("development/auc")
    assert auc.value == pytest.approx(expected.metrics["development/auc"])
    assert [one.step for one in events.Scalars(LOSS)] == [1, 2, 3, 4, 5, 6]
    assert b"energy_j_quality" in events.PluginTagToContent("hparams").popitem()[1]


def test_mlflow_finds_the_cells_of_a_suite(run, tracked):
    done = tracked("mlflow", "sqlalchemy", "alembic")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=done.next_step.split()[-1])
    experiment = client.get_experiment_by_name("chestxray")
    found = {one.info.run_name: one.data for one in client.search_runs([experiment.experiment_id])}
    assert set(found) == set(NAMES)
    expected = run_log(run, "run").cells[1]
    full = found[expected.name]
    assert full.metrics["energy_j"] == expected.metrics["energy_j"]
    assert full.metrics[LOSS] == expected.losses[-1]
    assert full.params == dict(expected.settings)
    assert full.tags["greendapt.run"] == "run"


def test_trackio_has_every_cell_with_losses_before_scores(run, tracked):
    done = tracked("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    assert done.next_step.endswith("trackio show --project chestxray")
    assert SQLiteStorage.get_runs("chestxray") == NAMES
    full = SQLiteStorage.get_logs("chestxray", NAMES[1])
    expected = run_log(run, "run").cells[1]
    assert [one[LOSS] for one in full[:-1]] == list(expected.losses)
    assert full[-1]["development/auc"] == expected.metrics["development/auc"]


def test_wandb_keeps_a_run_a_cell_and_sends_none(tracked):
    done = tracked("wandb")
    assert done.next_step.startswith("wandb sync ")
    kept = [path.read_bytes() for path in sorted(done.folder.glob("wandb/offline-run-*/*.wandb"))]
    assert len(kept) == 2
    for name in NAMES:
        (one,) = [bytes for bytes in kept if name.encode() in bytes]
        assert b"development/auc" in one
        assert b"energy_j_quality" in one


@pytest.mark.parametrize("name", TRACKERS)
def test_one_that_is_not_installed_is_named_with_its_extra(run, tmp_path, monkeypatch, name):
    for module in [one for one in sys.modules if one.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RunError, match=rf"--to {name} needs {name}.*'greendapt\[{name}\]'"):
        track(run, tmp_path / "run", name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_written_over(run, tmp_path):
    (tmp_path / "run" / "exports" / "wandb").mkdir(parents=True)
    (tmp_path / "run" / "exports" / "wandb" / "notes").touch()
    with pytest.raises(RunError, match="holds files already: name another folder with --out"):
        track(run, tmp_path / "run", "wandb")


def test_the_command_line_says_how_to_look_at_it(greendapt, run_writer):
    if find_spec("tensorboard") is None:
        pytest.skip("tensorboard is not installed")
    folder = run_writer.write()
    done = greendapt("export", folder, "--to", "tensorboard")
    assert done.code == 0, done.err
    place, command = done.out.splitlines()
    assert place == f"# {folder}/exports/tensorboard"
    assert command.startswith("tensorboard --logdir ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --strategy NAME (its backbone) or --to TRACKER (the run)"),
        (["--to", "wandb", "--strategy", "full"], "give --strategy NAME"),
        (["--to", "wandb", "--seed", "0"], "--seed, --setting and --push-to-hub are of --strategy"),
        (["--to", "wandbb"], "--to wandbb: no such tracker; did you mean wandb?"),
    ],
)
def test_what_cannot_be_logged_is_said_in_one_sentence(greendapt, run_writer, options, said):
    done = greendapt("export", run_writer.write(), *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
