"""CodeCarbon's models, without its tracker."""

import itertools
import os
import subprocess
import sys
import threading
import time

import pytest

from greendapt.core.figures import Quality
from greendapt.meter.sources.codecarbon import CpuModel, RamModel, ram_model

SPAN = (0.0, 1.0)  # the model has a clock of its own


@pytest.fixture(scope="module")
def model():
    opened = CpuModel()
    yield opened
    opened.close()


def busy(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        sum(range(1000))


def test_the_estimate_says_what_it_is(model):
    before = model.read()
    busy(0.15)
    figure = model.figure(before, model.read(), SPAN)
    assert figure.quality is Quality.ESTIMATED
    assert "codecarbon cpu_load" in figure.source
    assert f"TDP {model.tdp_w:g} W" in figure.source
    assert figure.low <= figure.value <= figure.high


def test_the_estimate_lies_between_idle_and_full_load(model):
    before = model.read()
    busy(0.3)
    after = model.read()
    figure, wall = model.figure(before, after, SPAN), after[0] - before[0]
    assert 0.1 * model.tdp_w * wall * 0.999 <= figure.value <= model.tdp_w * wall * 1.001


def test_windows_add_up_however_short(model):
    reads = [model.read()]
    for _ in range(20):
        time.sleep(0.002)
        reads.append(model.read())
    pieces = [model.figure(*pair, SPAN).value for pair in itertools.pairwise(reads)]
    assert min(pieces) > 0
    assert sum(pieces) == pytest.approx(model.figure(reads[0], reads[-1], SPAN).value)


def test_load_raises_the_estimate(model):
    """All cores busy, in processes that are not this one: the model sees the whole machine."""
    code = "import time\nprint(flush=True)\nt=time.time()+0.8\nwhile time.time()<t: pass"
    hogs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(os.cpu_count() or 1)
    ]
    for hog in hogs:
        hog.stdout.readline()
    time.sleep(0.2)
    model.read()
    time.sleep(0.15)
    before = model.read()  # the load from here on is that of the busy machine
    time.sleep(0.2)
    after = model.read()
    for hog in hogs:
        hog.communicate()
    assert model.figure(before, after, SPAN).value / (after[0] - before[0]) > 0.5 * model.tdp_w


def test_reads_from_several_threads_only_grow(model):
    seen = []

    def read():
        for _ in range(50):
            seen.append(model.read())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    joules = [joules for _, joules in sorted(seen)]
    assert joules == sorted(joules)


def test_memory_power_is_constant_and_labelled():
    model = ram_model()
    assert model.watts > 0
    assert "codecarbon RAM model" in model.source
    figure = RamModel(20.0, 64.0).figure(None, None, (5.0, 8.0))
    assert (figure.value, figure.quality) == (60.0, Quality.ESTIMATED)


def test_codecarbon_is_embedded_silently(tmp_path):
    """No output, files, signal handlers or connections; nothing left of its lock."""
    code = (
        "import signal, socket\n"
        "def refuse(*args, **kwargs): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]\n"
        "from greendapt.meter import Meter\n"
        "with Meter(device='cpu') as window: sum(range(10**6))\n"
        "assert window.figures['energy_cpu_j'].quality.value == 'estimated'\n"
        "after = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]\n"
        "assert before == after\n"
    )
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    environ = {**os.environ, **places, "GREENDAPT_POWERCAP": str(tmp_path / "none")}
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []
