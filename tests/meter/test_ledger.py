"""Windows: nested, repeated, broken off, and over ranks."""

import os
import time

import pytest

from greendapt.accounting.grid import grid
from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure, Quality
from greendapt.meter import Meter
from greendapt.meter.share import merged


@pytest.fixture(scope="module")
def meter():
    opened = Meter(device="cpu", carbon=grid("FRA"))
    yield opened
    opened.close()


def test_nested_and_repeated_windows(meter):
    with meter.window() as outer:
        inner = []
        for _ in range(3):
            with meter.window() as window:
                time.sleep(0.02)
            inner.append(window)
    for name in ("wall_s", "energy_cpu_j", "energy_ram_j", "energy_j"):
        parts = sum(window.figures[name].value for window in inner)
        assert 0 < parts <= outer.figures[name].value
    parts = sum(window.record["carbon_g"].value for window in inner)
    assert 0 < parts <= outer.record["carbon_g"].value


def test_an_exception_passes_and_leaves_its_figures(meter):
    seen = []

    def fail():
        with meter.window() as window:
            seen.append(window)
            time.sleep(0.01)
            raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        fail()
    (window,) = seen
    assert window.figures["wall_s"].value >= 0.01
    assert window.figures["energy_j"].value > 0
    with meter.window() as after:
        pass
    assert after.figures["wall_s"].value < window.figures["wall_s"].value


def test_nothing_is_zero_and_what_is_missing_says_why(meter):
    with meter.window() as window:
        pass
    grams = {name: window.record[name] for name in ("carbon_g", "embodied_g")}
    for figure in (window.figures | grams).values():
        assert isinstance(figure, Figure)
        assert figure.source
        assert figure.value is None or figure.value > 0


def test_the_record_of_an_open_window_is_refused(meter):
    with meter.window() as window, pytest.raises(MeterError, match="still open"):
        _ = window.record


def test_a_meter_is_a_window_itself():
    opened = Meter(device="cpu")
    with opened as window:
        time.sleep(0.01)
        with pytest.raises(MeterError, match="already open"):
            opened.__enter__()
    assert window.record["energy_j"].keys() == {"gpu", "cpu", "dram", "ram", "total"}
    assert window.record["wall_s"].value >= 0.01
    assert window.record["energy_j"]["gpu"].source == "the run is on the CPU"


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:1", ""])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(MeterError, match="device"):
        Meter(device=device)


def test_a_device_that_is_not_visible_is_refused(standin):
    standin(gpus=2)
    with pytest.raises(MeterError, match="only 2"):
        Meter(device="cuda:2")


def test_each_rank_counts_its_gpu_and_the_first_the_node(standin):
    standin(gpus=3)
    shares = []
    for rank in range(3):
        opened = Meter(device="cuda", environ={**os.environ, "LOCAL_RANK": str(rank)})
        with opened.window() as window:
            time.sleep(0.25)
        opened.close()
        shares.append(window.share)
    assert [len(share.gpus) for share in shares] == [1, 1, 1]
    assert [len(share.nodes) for share in shares] == [1, 0, 0]
    figures = merged(shares).figures()
    gpu = figures["energy_gpu_j"]
    assert gpu.low <= 3 * 300 * 0.25
    assert gpu.high >= 3 * 300 * 0.25
    assert figures["energy_cpu_j"].quality is not Quality.UNAVAILABLE


def test_one_process_on_the_gpu_counts_the_first_visible_one(standin):
    standin(gpus=3)
    opened = Meter(device="cuda", environ={"CUDA_VISIBLE_DEVICES": "2,1"})
    assert [meter.gpu.index for meter in opened.gpus] == [2]
    opened.close()
