"""CPU energy without a counter: by the CPU-seconds of a process and of those it starts."""

import os
import subprocess
import sys
import time

import pytest

from greendapt.core.figures import Quality
from greendapt.core.meter_facts import Conditions
from greendapt.meter import Meter
from greendapt.meter.cpu_time import read_cpu, used
from greendapt.meter.sources import codecarbon
from greendapt.meter.sources.codecarbon import Rating
from greendapt.meter.sources.process import REST, CpuModel, ThreadPower

SPIN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"
KNOWN = Rating(280.0, "A CPU", 1, known=True)


@pytest.fixture
def beside():
    """Starts processes that keep a core busy, none of which is ours."""
    started = []

    def hog():
        # a shell starts it and is gone: it belongs to nobody here
        shell = f"{sys.executable} -c 'while True: pass' >/dev/null 2>&1 & echo $!"
        done = subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, text=True, check=True)
        started.append(int(done.stdout))

    yield hog
    for pid in started:
        os.kill(pid, 9)


def spin(seconds):
    """So many CPU-seconds of this process."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.fixture(scope="module")
def meter(tmp_path_factory):
    nowhere = tmp_path_factory.mktemp("powercap")
    opened = Meter(device="cpu", powercap=nowhere)
    yield opened
    opened.close()


def test_the_energy_is_cpu_seconds_times_the_watts_of_a_thread(meter):
    with meter.window() as window:
        spin(0.2)
    rated = codecarbon.rating()
    energy, cpu_s = window.figures["energy_j"], window.figures["cpu_s"].value
    assert 0.2 <= cpu_s < 0.25
    assert energy.value == pytest.approx(cpu_s * rated.tdp_w / os.cpu_count())
    assert energy.quality is Quality.ESTIMATED
    assert energy.low < energy.value < energy.high
    assert "CPU-seconds of this process" in energy.source
    assert "not measured: no RAPL package counter" in energy.source
    assert window.figures["energy_process_j"].value == energy.value


def test_identical_work_costs_the_same_beside_a_busy_neighbour(meter, beside):
    def cost():
        with meter.window() as window:
            spin(0.3)
        return window.figures["energy_j"].value

    alone = [cost() for _ in range(3)]
    for _ in range(os.cpu_count()):
        beside()
    crowded = [cost() for _ in range(5)]
    assert max(alone + crowded) <= 1.05 * min(alone + crowded)


def test_sleep_beside_a_neighbour_is_charged_the_sleep_and_the_machine_is_named(meter, beside):
    beside()
    with meter.window() as window:
        subprocess.run(["sleep", "0.5"], check=True)
    figures = window.figures
    assert figures["energy_j"].value < 0.2
    assert figures["energy_idle_share_j"].value < 0.2
    assert figures["energy_machine_j"].value > 0.5 * 0.5 * codecarbon.tdp_w() * 0.5
    assert "other programs too" in figures["energy_machine_j"].source
    assert window.conditions.others > 0.3
    assert window.conditions.is_shared


def worked(seconds):
    """A child that has used so many CPU-seconds and goes on living."""
    code = SPIN.format(seconds) + "\nprint(flush=True)\ntime.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    return child


def ended(child):
    child.kill()
    child.communicate()


@pytest.mark.parametrize("children", [1, 2])
def test_children_count_while_they_live_and_when_they_have_ended(meter, children):
    with meter.window() as window:
        living = [worked(0.3) for _ in range(children)]
        subprocess.run([sys.executable, "-c", SPIN.format(0.2)], check=True)
    for child in living:
        ended(child)
    assert 0.2 + 0.3 * children - 0.02 * children < window.figures["cpu_s"].value < 1.2


def test_a_child_that_ends_between_windows_is_charged_to_the_first(meter):
    with meter.window() as first:
        child = worked(0.2)
    ended(child)
    with meter.window() as second:
        pass
    assert first.figures["cpu_s"].value > 0.18
    assert second.figures["cpu_s"].value < 0.1


def test_grandchildren_count():
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPIN.format(0.2)!r}])"
    before = read_cpu(opening=True)
    subprocess.run([sys.executable, "-c", inner], check=True)
    assert used(before, read_cpu(opening=False)).cpu_s > 0.2


def test_the_shares_of_all_processes_add_up_to_the_machine():
    model = CpuModel(ThreadPower.of(KNOWN, 64))
    ours = Conditions(wall_s=10.0, threads=64, cpu_s=80.0, others_cpu_s=160.0)
    theirs = ours.model_copy(update={"cpu_s": 160.0, "others_cpu_s": 80.0})
    each = [model.estimate(one) for one in (ours, theirs)]
    together = sum(one.energy.value + one.idle_share.value for one in each)
    assert together == pytest.approx(each[0].machine.value)
    assert each[0].machine.value == pytest.approx(280 * 10 * (REST + (1 - REST) * 240 / 640))


def test_eight_of_64_threads_are_not_idle():
    model = CpuModel(ThreadPower.of(KNOWN, 64))
    energy = model.estimate(Conditions(wall_s=1.0, threads=64, cpu_s=8.0, others_cpu_s=0.0)).energy
    assert energy.value == pytest.approx(280 / 8)


def test_two_sockets_have_twice_the_rated_power(monkeypatch):
    monkeypatch.setattr("codecarbon.core.cpu.detect_cpu_model", lambda: "AMD EPYC 7763")
    one, two = (_rated(monkeypatch, sockets) for sockets in (1, 2))
    assert two.known
    assert two.tdp_w == 2 * one.tdp_w
    assert "2 sockets" in ThreadPower.of(two, 256).says


def test_a_guess_is_of_all_threads_whatever_the_sockets(monkeypatch):
    monkeypatch.setattr("codecarbon.core.cpu.detect_cpu_model", lambda: "No Such Chip 3000")
    assert _rated(monkeypatch, 2).tdp_w == 4.0 * os.cpu_count()


def _rated(monkeypatch, sockets):
    monkeypatch.setattr("codecarbon.core.util.count_physical_cpus", lambda: sockets)
    return codecarbon.rating()


def test_bounds_hold_what_is_guessed():
    known = ThreadPower.of(KNOWN, 64)
    guessed = ThreadPower.of(Rating(8.0, "Unknown", 1, known=False), 2)
    assert (guessed.low, guessed.watts, guessed.high) == (1.0, 4.0, 16.0)
    assert "guessed at 4 W a thread" in guessed.says
    assert known.low < known.watts < known.high
    assert "guessed" not in known.says


def test_a_virtual_machine_with_few_threads_of_a_large_chip_is_not_charged_all_of_it():
    power = ThreadPower.of(KNOWN, 2)
    assert power.watts == 4.0
    assert "of more threads than this machine shows" in power.says


def test_every_rank_has_its_own_cpu_seconds(tmp_path):
    environ = {"GREENDAPT_POWERCAP": str(tmp_path), "LOCAL_RANK": "1"}
    meter = Meter(device="cpu", environ=environ)
    with meter.window() as window:
        spin(0.1)
    meter.close()
    assert window.figures["energy_cpu_j"].value > 0
    assert window.figures["energy_j"].value == window.figures["energy_cpu_j"].value
    assert window.figures["energy_ram_j"].value is None
