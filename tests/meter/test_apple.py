"""Apple silicon, by a stand-in for the package that reads its counters."""

import platform
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest

from greendapt.meter import Meter
from greendapt.meter.sources.opening import advice, open_best

WATTS = {"cpu_total_mj": 9.0, "gpu_mj": 14.0, "gpu_sram_mj": 1.0, "dram_mj": 2.0}


@pytest.fixture
def mac(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")


@pytest.fixture
def chip(monkeypatch, tmp_path):
    """``chip(WATTS)``: the package as zeus-apple-silicon 1.1 has it, on such a chip."""
    monkeypatch.setenv("GREENDAPT_POWERCAP", str(tmp_path))

    def have(watts, broken=""):
        class AppleEnergyMonitor:
            def __init__(self):
                if broken:
                    raise RuntimeError(broken)
                self._begun_s = time.monotonic()

            def get_cumulative_energy(self):
                passed_ms = 1e3 * (time.monotonic() - self._begun_s)
                told = {name: round(power * passed_ms) for name, power in watts.items()}
                return SimpleNamespace(**{**dict.fromkeys(WATTS), "ane_mj": 0, **told})

        module = ModuleType("zeus_apple_silicon")
        module.AppleEnergyMonitor = AppleEnergyMonitor
        monkeypatch.setitem(sys.modules, "zeus_apple_silicon", module)

    return have


def metered(device):
    meter = Meter(device=device)
    with meter.window() as window:
        time.sleep(0.3)
    meter.close()
    return window.figures


def test_each_part_of_the_chip(chip):
    chip(WATTS)
    figures = metered("mps")
    wall_s = figures["wall_s"].value
    assert figures["energy_gpu_j"].value == pytest.approx(15.0 * wall_s, rel=0.05)
    assert figures["energy_cpu_j"].value == pytest.approx(9.0 * wall_s, rel=0.05)
    assert figures["energy_dram_j"].value == pytest.approx(2.0 * wall_s, rel=0.05)
    assert figures["energy_j"].quality.value == "estimated"  # as Apple calls them
    assert "Apple's energy counter" in figures["energy_j"].source


def test_doctor(chip, parts_seen):
    chip(WATTS)
    parts, report = parts_seen()
    assert {parts[name]["quality"] for name in ("gpu", "cpu", "dram")} == {"estimated"}
    assert [gpu["meter"] for gpu in report["gpus"]] == ["counter"]


@pytest.mark.usefixtures("mac")
def test_a_chip_without_one_of_the_counters(chip):
    chip({"cpu_total_mj": 9.0, "gpu_mj": 14.0})
    figures = metered("cpu")
    assert figures["energy_dram_j"].value is None
    assert "this chip has no such counter" in figures["energy_dram_j"].source


@pytest.mark.usefixtures("mac")
def test_without_the_package_doctor_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", None)
    for part in ("gpu", "cpu", "dram"):
        assert advice(part, {}) == "python -m pip install zeus-apple-silicon"
    opened = open_best(("gpu",), {}, range)
    assert "pip install zeus-apple-silicon" in opened.why["gpu"]


@pytest.mark.usefixtures("mac")
def test_a_monitor_that_does_not_open(chip):
    chip(WATTS, broken="IOReport is not there")
    assert "IOReport is not there" in metered("mps")["energy_gpu_j"].source


def test_another_machine_hears_nothing_of_it(monkeypatch, tmp_path):
    monkeypatch.setenv("GREENDAPT_POWERCAP", str(tmp_path))
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", None)
    assert "Apple" not in metered("auto")["energy_gpu_j"].source
