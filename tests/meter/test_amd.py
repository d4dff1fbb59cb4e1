"""AMD GPUs, by amdsmi's real package on a stand-in library."""

import sys
import time

import pytest

from greendapt.meter import Meter
from greendapt.meter.doctor import report_lines


def gpu_figure(seconds, device="auto"):
    meter = Meter(device=device)
    try:
        with meter.window() as window:
            time.sleep(seconds)
    finally:
        meter.close()
    return window.figures["energy_gpu_j"], window.figures["wall_s"].value


def keys(device="auto"):
    meter = Meter(device=device)
    meter.close()
    return [gpu.key[-4:] for gpu in meter.gpus]


def test_the_counter_is_read_at_the_edges(amd):
    amd(watts=250)
    energy, wall_s = gpu_figure(0.5)
    assert energy.quality.value == "measured"
    assert energy.source.startswith("AMD SMI counter; AMD Instinct MI210")
    assert energy.low <= 250 * wall_s <= energy.high
    assert energy.value == pytest.approx(250 * wall_s, rel=0.05)


def test_without_a_counter_power_is_sampled(amd):
    amd(watts=250, no_counter=1)
    energy, wall_s = gpu_figure(0.3)
    assert energy.quality.value == "integrated"
    assert energy.value == pytest.approx(250 * wall_s, rel=0.02)


def test_without_either_its_energy_is_missing_and_so_is_the_headline(amd):
    amd(no_counter=1, no_power=1)
    meter = Meter()
    with meter.window() as window:
        pass
    meter.close()
    assert window.figures["energy_j"].value is None
    assert "its power sensor tells nothing" in window.figures["energy_j"].source


def test_doctor(amd, parts_seen):
    amd(gpus=2, pids="4000001")
    parts, report = parts_seen()
    assert parts["gpu"]["quality"] == "measured"
    assert [gpu["name"] for gpu in report["gpus"]] == ["AMD Instinct MI210"] * 2
    assert [gpu["power_limit_w"] for gpu in report["gpus"]] == [300.0] * 2
    assert [gpu["other_processes"] for gpu in report["gpus"]] == [1, 1]
    assert [gpu["slowed_by"] for gpu in report["gpus"]] == [None, None]
    assert "AMD Instinct MI210: counter" in "\n".join(report_lines(report))


def test_temperature_is_in_the_conditions(amd):
    amd()
    meter = Meter()
    with meter.window() as window:
        pass
    meter.close()
    (gpu,) = window.conditions.gpus
    assert gpu.temperature_c == (61.0, 61.0)


def test_gpus_are_numbered_as_hip_does(amd):
    amd(gpus=3, reversed=1)
    assert keys("cuda") == ["0003"]
    assert keys("cuda:2") == ["0001"]


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({"HIP_VISIBLE_DEVICES": "2,0"}, ["0003", "0001"]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, ["0002"]),
        ({"HIP_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0"}, ["0002"]),
        ({"ROCR_VISIBLE_DEVICES": "1,2", "HIP_VISIBLE_DEVICES": "1"}, ["0003"]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-0000000000000002"}, ["0002"]),
        ({"HIP_VISIBLE_DEVICES": "0,9,1"}, ["0001"]),
        ({"HIP_VISIBLE_DEVICES": ""}, []),
    ],
)
def test_visible_gpus(amd, monkeypatch, variables, seen):
    amd(gpus=3)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert keys() == seen


def test_a_card_of_two_gpus_counts_once(amd):
    amd(gpus=4, name="AMD Instinct MI250X", watts=400)
    assert keys() == ["0001", "0003"]
    energy, wall_s = gpu_figure(0.4, "cuda:1")
    assert energy.value == pytest.approx(400 * wall_s, rel=0.05)
    assert "its two GPUs have one meter" in energy.source


def test_a_processor_s_own_graphics_are_in_its_own_part(amd):
    amd(vram_mb=512)
    assert keys() == []


def test_a_library_that_does_not_open_on_a_machine_with_a_card(amd, sysfs, parts_seen):
    amd(init=34)
    sysfs.write("class/drm/card0/device/vendor", "0x1002")
    sysfs.write("class/drm/card0/device/mem_info_vram_total", 64 * 2**30)
    parts, _ = parts_seen()
    assert parts["gpu"]["quality"] == "unavailable"
    assert "Driver not loaded" in parts["gpu"]["source"]
    assert "pip install amdsmi" in parts["gpu"]["enable"]
    assert parts["total"]["quality"] == "unavailable"  # it would read as a saving


@pytest.mark.usefixtures("amd")
def test_a_package_that_finds_no_library(monkeypatch, sysfs, tmp_path):
    monkeypatch.setenv("ROCM_PATH", str(tmp_path))
    sysfs.write("class/drm/card1/device/vendor", "0x1002")
    sysfs.write("class/drm/card1/device/mem_info_vram_total", 64 * 2**30)
    meter = Meter()
    with meter.window() as window:
        pass
    meter.close()
    assert "libamd_smi.so cannot be used" in window.figures["energy_gpu_j"].source


@pytest.mark.usefixtures("sysfs")
def test_without_the_package_a_machine_without_a_card_misses_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    meter = Meter()
    with meter.window() as window:
        pass
    meter.close()
    assert "AMD" not in window.figures["energy_gpu_j"].source
    assert window.figures["energy_j"].value is not None
