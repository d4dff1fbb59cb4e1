"""Grace's power meters, by a tree as the kernel shows them."""

import time

import pytest

from greendapt.meter import Meter

WATTS = {"Module Power Socket 0": 460.0, "Grace Power Socket 0": 120.0, "CPU Power Socket 0": 70.0}


def module(sysfs, watts, averaged_ms=50):
    for number, (name, power) in enumerate(watts.items(), start=1):
        folder = sysfs.hwmon(number, "power_meter")
        sysfs.write(f"{folder}/device/power1_oem_info", name)
        sysfs.write(f"{folder}/device/power1_average", round(1e6 * power))
        sysfs.write(f"{folder}/device/power1_average_interval", averaged_ms)


def metered(rises_to=None, sysfs=None):
    meter = Meter(device="cpu")
    with meter.window() as window:
        if rises_to:
            sysfs.write("class/hwmon/hwmon2/device/power1_average", round(1e6 * rises_to))
        time.sleep(0.25)
    meter.close()
    return window.figures


def test_the_sockets_are_the_cpu_s_part_and_the_module_is_not_added(sysfs):
    module(sysfs, WATTS | {"Grace Power Socket 1": 80.0})
    figures = metered()
    assert figures["energy_cpu_j"].value == pytest.approx(200.0 * figures["wall_s"].value, rel=0.01)
    assert figures["energy_cpu_j"].quality.value == "integrated"
    assert "its memory and regulators are in it" in figures["energy_cpu_j"].source
    assert "in the CPU's part" in figures["energy_dram_j"].source


def test_a_slow_average_widens_the_bounds(sysfs):
    module(sysfs, WATTS, averaged_ms=1000)
    figure = metered(220.0, sysfs)["energy_cpu_j"]
    assert figure.high - figure.value >= 100.0


def test_doctor(sysfs, parts_seen):
    module(sysfs, WATTS)
    parts, _ = parts_seen("cpu")
    assert parts["cpu"]["quality"] == "integrated"
    assert parts["cpu"]["enable"] is None
    assert parts["dram"]["enable"] == "nothing: it is in the CPU's part"


def test_the_module_s_meter_alone_holds_the_gpu_too(sysfs, parts_seen):
    module(sysfs, {"Module Power Socket 0": 460.0})
    parts, _ = parts_seen("cpu")
    assert parts["cpu"]["quality"] == "estimated"
    assert "the module's meter holds the GPU, too" in parts["cpu"]["source"]
    assert parts["cpu"]["enable"] == "sudo modprobe acpi_power_meter"


def test_another_machine_s_power_meter_is_none_of_a_processor(sysfs):
    module(sysfs, {"Total Power": 460.0})
    assert metered()["energy_cpu_j"].quality.value == "estimated"
