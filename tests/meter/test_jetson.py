"""Jetson's rails, by a tree as the kernel shows them."""

import time

import pytest

from greendapt.meter import Meter


def board(sysfs, **rails):
    """``NAME=(mV, mA)`` on one sensor, as new kernels have it."""
    sysfs.write("bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/name", "ina3221")
    for number, (name, (volts, amperes)) in enumerate(rails.items(), start=1):
        folder = "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"
        sysfs.write(f"{folder}/in{number}_label", name)
        sysfs.write(f"{folder}/in{number}_input", volts)
        sysfs.write(f"{folder}/curr{number}_input", amperes)


def metered(device="auto"):
    meter = Meter(device=device)
    with meter.window() as window:
        time.sleep(0.25)
    meter.close()
    return window.figures


ORIN = {"VDD_GPU_SOC": (5000, 3000), "VDD_CPU_CV": (5000, 800), "VIN_SYS_5V0": (5000, 6000)}


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_cpu_and_gpu_each_have_their_rail(sysfs, device):
    board(sysfs, **ORIN)
    figures = metered(device)
    wall_s = figures["wall_s"].value
    assert figures["energy_gpu_j"].value == pytest.approx(15.0 * wall_s, rel=0.01)
    assert figures["energy_cpu_j"].value == pytest.approx(4.0 * wall_s, rel=0.01)
    assert figures["energy_j"].quality.value == "integrated"
    assert "INA3221" in figures["energy_cpu_j"].source
    assert "Jetson VDD_GPU_SOC" in figures["energy_gpu_j"].source


def test_doctor(sysfs, parts_seen):
    board(sysfs, **ORIN)
    parts, _ = parts_seen()
    assert parts["gpu"]["quality"] == parts["cpu"]["quality"] == "integrated"
    assert parts["dram"]["quality"] == "unavailable"
    assert "greendapt doctor --wall" in parts["dram"]["enable"]


@pytest.mark.parametrize("device", ["auto", "cuda", "cpu"])
def test_a_rail_that_both_share_counts_once(sysfs, device):
    board(sysfs, VDD_IN=(5000, 6000), VDD_CPU_GPU_CV=(5000, 3000), VDD_SOC=(5000, 1000))
    figures = metered(device)
    assert figures["energy_j"].value == pytest.approx(15.0 * figures["wall_s"].value, rel=0.01)
    assert "CPU and GPU on one rail" in figures["energy_cpu_j"].source
    assert figures["energy_gpu_j"].value is None


@pytest.mark.parametrize("device", ["auto", "cuda"])
@pytest.mark.parametrize(
    "rails", [ORIN, {"VDD_CPU_GPU_CV": (5000, 3800)}], ids=["a rail each", "one for both"]
)
def test_nvml_that_sees_the_same_gpu_and_reads_nothing_is_not_asked(sysfs, standin, device, rails):
    standin(no_counter=1, no_power=1)
    board(sysfs, **rails)
    figures = metered(device)
    assert figures["energy_j"].value == pytest.approx(19.0 * figures["wall_s"].value, rel=0.01)


def test_files_of_older_kernels(sysfs):
    folder = "bus/i2c/drivers/ina3221x/1-0040/iio:device0"
    rails = {"GPU": (19000, 1000), "CPU": (19000, 500)}
    for number, (name, (volts, amperes)) in enumerate(rails.items()):
        sysfs.write(f"{folder}/rail_name_{number}", name)
        sysfs.write(f"{folder}/in_voltage{number}_input", volts)
        sysfs.write(f"{folder}/in_current{number}_input", amperes)
    figures = metered()
    assert figures["energy_gpu_j"].value == pytest.approx(19.0 * figures["wall_s"].value, rel=0.01)
    assert figures["energy_cpu_j"].value == pytest.approx(9.5 * figures["wall_s"].value, rel=0.01)


def test_a_sensor_that_goes_leaves_no_figure(sysfs):
    board(sysfs, **ORIN)
    meter = Meter()
    with meter.window() as window:
        (sysfs.root / "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr2_input").unlink()
        time.sleep(0.1)
    meter.close()
    assert window.figures["energy_cpu_j"].value is None
    assert window.figures["energy_gpu_j"].value > 0
