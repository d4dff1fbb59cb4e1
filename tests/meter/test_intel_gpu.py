"""Intel's cards, by a tree as the kernel shows them."""

import time

import pytest

from greendapt.meter import Meter


@pytest.fixture
def card(sysfs, ticking):
    """``card(number, bus, watts)``: a card whose counter moves."""

    def add(number, bus, watts=150.0, driver="xe", file="energy1", label="card"):
        folder = sysfs.hwmon(number, driver, **{f"{file}_label": label, "power1_max": 190_000_000})
        begun_s = time.monotonic()
        sysfs.write(f"devices/{bus}/present", 1)
        (sysfs.root / folder / "device").symlink_to(sysfs.root / "devices" / bus)

        def count():
            joules = 1000 + watts * (time.monotonic() - begun_s)
            sysfs.write(f"{folder}/{file}_input", round(1e6 * joules))

        ticking(count)
        return folder

    return add


def test_doctor(card, parts_seen):
    card(4, "0000:03:00.0")
    parts, report = parts_seen("xpu")
    assert parts["gpu"]["quality"] == "measured"
    assert "hwmon counter; Intel GPU 0000:03:00.0, driver xe" in parts["gpu"]["source"]
    assert parts["gpu"]["enable"] is None
    assert report["gpus"][0]["power_limit_w"] == 190.0


def test_energy_is_that_of_the_card(card):
    card(1, "0000:03:00.0", 120.0, driver="i915")
    meter = Meter(device="xpu")
    with meter.window() as window:
        time.sleep(0.4)
    meter.close()
    wall_s = window.figures["wall_s"].value
    assert window.figures["energy_gpu_j"].value == pytest.approx(120.0 * wall_s, rel=0.15)


def test_the_counter_of_the_chip_alone_says_so(card):
    card(1, "0000:03:00.0", file="energy2", label="pkg")
    meter = Meter(device="xpu")
    with meter.window() as window:
        time.sleep(0.3)
    meter.close()
    assert "its chip alone" in window.figures["energy_gpu_j"].source


def test_two_cards_and_the_mask(card, monkeypatch):
    card(10, "0000:03:00.0")
    card(9, "0000:83:00.0")
    assert names("auto") == ["0000:03:00.0", "0000:83:00.0"]
    assert names("xpu:1") == ["0000:83:00.0"]
    monkeypatch.setenv("ZE_AFFINITY_MASK", "1.0,1.1")
    assert names("xpu") == ["0000:83:00.0"]


def names(device):
    meter = Meter(device=device)
    meter.close()
    return [gpu.key for gpu in meter.gpus]


def test_a_counter_that_cannot_be_read(sysfs, parts_seen):
    folder = sysfs.hwmon(1, "xe", energy1_label="card")
    (sysfs.root / folder / "energy1_input").mkdir()
    parts, _ = parts_seen("xpu")
    assert parts["gpu"]["quality"] == parts["total"]["quality"] == "unavailable"
    assert "energy1_input cannot be read" in parts["gpu"]["source"]
    assert "sudo chmod a+r" in parts["gpu"]["enable"]


@pytest.mark.usefixtures("sysfs")
def test_an_nvidia_card_is_no_xpu(standin):
    standin()
    meter = Meter(device="xpu")
    with meter.window() as window:
        pass
    meter.close()
    assert window.figures["energy_j"].value is None
    assert "a GPU that torch calls xpu" in window.figures["energy_j"].source
