"""A power cut at some moment: what was not synced is gone, and all that is left is true.

A library before the system's own keeps each file and each folder's names as they were when they
were last synced; the process is killed, and a run folder is made of these alone.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from greendapt.disk.files import digest_of

pytestmark = pytest.mark.e2e
SOURCE = Path(__file__).parent / "standin" / "durable.c"


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler for a library that keeps what is synced")
    library = tmp_path_factory.mktemp("shim") / "durable.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def entries_of(shadow, of):
    """Kind, key and name of what a folder held when it was last synced, by its key or its path."""
    for kept in [shadow / of] if isinstance(of, str) else shadow.glob("*[0-9]"):
        head, *lines = kept.read_bytes().split(b"\n") if kept.exists() else [b""]
        if isinstance(of, str) or head == b"= " + os.fsencode(of):
            return [line.decode().split(" ", 2) for line in lines if line]
    return []


def left_by_a_power_cut(shadow, of, place):
    place.mkdir(parents=True)
    for kind, key, name in entries_of(shadow, of):
        if kind == "d":
            left_by_a_power_cut(shadow, key, place / name)
        elif (shadow / key).exists():
            shutil.copyfile(shadow / key, place / name)
        else:
            (place / name).write_bytes(b"")  # named, but its bytes never came to the disk


def records_of(folder):
    path = folder / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def cut_after(records, command, out, environ, wait_s):
    """The run folder of a run that was killed some time after it had so many records."""
    process = subprocess.Popen([*command, "--out", out], env=environ, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        folder = next((path.parent for path in out.glob("*/run.json")), None)
        if folder and len(records_of(folder)) >= records:
            break
        time.sleep(0.005)
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return folder


@pytest.mark.parametrize("records", [pytest.param(1, marks=pytest.mark.nightly), 7])
def test_no_record_outlives_its_files(tiny, program, greendapt, tmp_path, shim, records):
    bench = [*program, "bench", "--suite", tiny, "--seeds", "2"]
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    environ = {**os.environ, "LD_PRELOAD": str(shim), "DURABLE": str(shadow)}
    wait_s = random.Random(records).uniform(0, 0.3)
    run = cut_after(records, bench, tmp_path / "cut", environ, wait_s)
    after = tmp_path / "after" / run.name
    left_by_a_power_cut(shadow, run, after)

    kept = records_of(after)
    assert len(kept) >= records
    named = [(one["key"], name, digest) for one in kept for name, digest in one["files"].items()]
    there = [(after / "checkpoints" / key / name, digest) for key, name, digest in named]
    assert there
    assert all(digest_of(path) == digest for path, digest in there)

    resumed = greendapt("resume", after)
    assert resumed.code == 0, resumed.err
    assert "made again" not in resumed.err
    ended = {one["key"]: one for one in records_of(after)}
    assert all(ended[one["key"]] == one for one in kept)
