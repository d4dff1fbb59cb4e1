"""What a window ran under, and whether a rest was one."""

import subprocess
import sys
import time

import pytest

from greendapt.core.figures import Figure
from greendapt.core.meter_facts import Conditions, GpuConditions
from greendapt.meter import Meter
from greendapt.meter.heat import CpuHeat, Thermometer
from greendapt.meter.rest import at_rest
from greendapt.meter.share import Plate, Share


def test_a_gpu_tells_its_heat_its_slowdowns_and_its_guests(standin, tmp_path):
    standin(slowdown=4, pids="4000001", celsius=71)
    meter = Meter(powercap=tmp_path)
    with meter.window() as window:
        time.sleep(0.01)
        standin(slowdown=0x20, pids="", celsius=83)
    meter.close()
    (gpu,) = window.conditions.gpus
    assert gpu.slowed_by == ("power cap", "heat (software)")
    assert gpu.other_processes == 1
    assert gpu.temperature_c == (71.0, 83.0)
    assert window.conditions.device_troubles == (
        "Stand-in A: clocks held back by heat (software)",
        "Stand-in A: another process was on it",
    )
    assert window.figures["energy_process_j"].value is None


def sensors(root, millidegrees, throttled):
    files = {
        "class/hwmon/hwmon0/name": "nvme",
        "class/hwmon/hwmon0/temp1_input": 99000,
        "class/hwmon/hwmon1/name": "coretemp",
        "class/hwmon/hwmon1/temp1_input": millidegrees,
        "class/hwmon/hwmon1/temp2_input": "",
        "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": throttled,
        "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": 2,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


def test_the_processor_s_own_sensor_is_read(tmp_path):
    sensors(tmp_path, 64000, 5)
    assert Thermometer(tmp_path).read() == CpuHeat(64.0, 7)


def test_a_machine_that_tells_no_heat(tmp_path):
    assert Thermometer(tmp_path).read() == CpuHeat(None, None)


def rest(conditions, joules=60.0):
    counted = {"cpu": Figure.measured(joules, "J", "x"), "dram": Figure.unavailable("J", "none")}
    wall_s = Figure.measured(1.0, "s", "clock")
    nodes = {"host": {**counted, "ram": counted["dram"]}}
    gpus = {"gpu": Figure.measured(50.0, "J", "x")}
    return Share(wall_s, wall_s, gpus, nodes, conditions={"host": conditions})


PLATES = {"host": Plate(), "gpu": Plate()}
STILL = Conditions(wall_s=1.0, threads=64, cpu_s=0.01, others_cpu_s=0.4)


def test_power_at_rest_is_that_of_a_machine_at_rest():
    plates = at_rest(PLATES, rest(STILL))
    assert (plates["host"].idle_w, plates["gpu"].idle_w) == (60.0, 50.0)


@pytest.mark.parametrize("others_s", [2.0, 30.0])
def test_a_busy_machine_was_not_at_rest(others_s):
    busy = STILL.model_copy(update={"others_cpu_s": others_s})
    plates = at_rest(PLATES, rest(busy))
    assert plates["host"].idle_w is None
    assert "not at rest" in plates["host"].why_no_idle
    assert plates["gpu"].idle_w == 50.0


def test_a_gpu_with_guests_was_not_at_rest():
    taken = STILL.model_copy(update={"gpus": (GpuConditions(name="A", other_processes=1),)})
    plates = at_rest(PLATES, rest(taken))
    assert plates["gpu"].idle_w is None
    assert plates["host"].idle_w == 60.0


def test_above_idle_says_why_it_is_not_there(two_sockets):
    """From the counters of a machine that somebody else keeps busy."""
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    meter = Meter(device="cpu", powercap=two_sockets.root, idle_s=0.3)
    hog.kill()
    hog.wait()
    with meter.window() as window:
        two_sockets.spend_47_j()
    meter.close()
    assert window.figures["energy_j"].value == pytest.approx(47.0)
    above = window.figures["energy_above_idle_j"]
    assert above.value is None
    assert "not at rest" in above.source


def test_a_counter_s_process_share_is_a_second_figure(two_sockets):
    meter = Meter(device="cpu", powercap=two_sockets.root)
    with meter.window() as window:
        two_sockets.spend_47_j()
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
    meter.close()
    gross, own = (window.figures[name] for name in ("energy_j", "energy_process_j"))
    assert window.figures["energy_machine_j"].value == gross.value
    assert gross.quality.value == "measured"
    assert own.quality.value == "estimated"
    assert own.value == pytest.approx(gross.value * window.conditions.own_part)
    assert window.figures["energy_idle_share_j"].value is None
