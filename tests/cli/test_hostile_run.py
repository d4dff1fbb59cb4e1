"""A run folder, or a site, of a stranger: nothing outside changes, nothing waits for ever."""

import os
import re
import shutil
import signal

import pytest

READ = [
    "run.json",
    "records.jsonl",
    "summary.json",
    "workers",
    "workers/w.jsonl",
    "workers/w.json",
]
"""By every command; the others by those that write, or load a network."""
PARTS = [
    *READ,
    ".lock",
    "claims",
    "claims/KEY.1",
    "checkpoints",
    "checkpoints/KEY",
    "checkpoints/KEY/backbone.safetensors",
    "exports",
    "logs",
    "slurm.json",
    "report.html",
    "report.md",
]
KINDS = ["link", "pipe", "other"]
PATIENCE_S = 120


@pytest.fixture
def outside(tmp_path):
    """What must not change: files that look like ours, and others."""
    folder = tmp_path / "outside"
    (folder / "KEY").mkdir(parents=True)
    for name in ("letter", "KEY.1", "KEY/backbone.safetensors", "w.json", "local-0.log"):
        (folder / name).write_text("precious")
    return folder


@pytest.fixture
def baseline(greendapt, finished_run, tmp_path):
    path = tmp_path / "baseline.toml"
    assert greendapt("baseline", finished_run, "--out", path).code == 0
    return path


@pytest.fixture
def hostile(finished_run, tmp_path, outside):
    """``hostile(part, kind)``: the run with one part that is something else."""

    def build(part, kind):
        run = shutil.copytree(finished_run, tmp_path / "run")
        adapted = next(run.glob("checkpoints/*/backbone.safetensors")).parent.name
        path = run / part.replace("KEY", adapted)
        path.parent.mkdir(exist_ok=True)
        was_folder = path.is_dir() or "." not in path.name.lstrip(".")
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if kind == "link":
            path.symlink_to(outside if was_folder else outside / "letter")
        elif kind == "pipe":
            os.mkfifo(path)
        elif was_folder:
            path.write_text("no folder")
        else:
            (path / "in it").mkdir(parents=True)
        return run

    return build


@pytest.fixture
def in_time():
    """Whatever waits for a pipe or reads a device is ended, and the test with it."""

    def late(*_):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def state(folder):
    return {
        path.relative_to(folder): (path.lstat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in sorted([folder, *folder.rglob("*")])
    }


def said(done):
    """One sentence, or success."""
    lines = [line for line in done.err.splitlines() if line.startswith("greendapt: ")]
    assert "internal error" not in done.err
    assert "Traceback" not in done.err
    assert len(lines) == (0 if done.code in (0, 1, 3, 5) else 1), done.err
    assert done.code in (0, 1, 2, 3, 5), done.err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.usefixtures("in_time")
def test_whoever_reads_a_hostile_run_changes_nothing_outside(
    greendapt, hostile, outside, finished_run, baseline, tmp_path, part, kind
):
    run = hostile(part, kind)
    before = state(outside), state(finished_run)
    commands = [
        ["report", run, "--format", "html,md"],
        ["export", run, "--strategy", "full"],
    ]
    if part in READ:
        commands += [
            ["report", run, "--strategies", "full"],
            ["publish", run, "--to", tmp_path / "site"],
            ["compare", finished_run, run],
            ["check", run, "--baseline", baseline],
            ["replay", run],
            ["plan", run],
            ["baseline", run, "--out", tmp_path / "new.toml"],
        ]
    for command in commands:
        said(greendapt(*command))
    assert (state(outside), state(finished_run)) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.usefixtures("in_time")
def test_whoever_goes_on_with_a_hostile_run_changes_nothing_outside(
    greendapt, hostile, outside, part, kind
):
    run = hostile(part, kind)
    if part != "summary.json":
        (run / "summary.json").unlink()
    before = state(outside)
    said(greendapt("resume", run))
    assert state(outside) == before


@pytest.mark.parametrize("key", ["../../outside/KEY", "a/../../.."])
def test_no_key_leads_out_of_a_run(greendapt, hostile, key):
    run = hostile("logs", "other")
    keys = [path.parent.name for path in run.glob("checkpoints/*/backbone.safetensors")]
    for path in (run / "records.jsonl", run / "summary.json"):
        path.write_text(re.sub("|".join(keys), key, path.read_text()))
    done = greendapt("export", run, "--strategy", "full")
    said(done)
    assert "leads out of the run folder" in done.err


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("part", ["index.html", "run", "run/report.md", "run/published.json"])
@pytest.mark.usefixtures("in_time")
def test_a_hostile_site_changes_nothing_outside(
    greendapt, finished_run, tmp_path, outside, part, kind
):
    site, run = tmp_path / "site", shutil.copytree(finished_run, tmp_path / "run")
    assert greendapt("publish", run, "--to", site).code == 0
    path = site / part
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if kind == "link":
        path.symlink_to(outside / "letter" if "." in part else outside)
    else:
        os.mkfifo(path)
    before = state(outside)
    done = greendapt("publish", run, "--to", site)
    said(done)
    assert done.code == 2
    assert state(outside) == before
