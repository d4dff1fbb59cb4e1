"""What CodeCarbon knows, without its tracker."""

import os
import subprocess
import sys

from greendapt.core.figures import Quality
from greendapt.meter.sources.codecarbon import RamModel, ram_model


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
