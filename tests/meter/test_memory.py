"""Peak memory of windows."""

import sys

import pytest

from greendapt.core.figures import Quality
from greendapt.meter.memory import Peaks, ResidentGauge, RoughPeaks, lifetime_peak_bytes, peaks

MB = 1_000_000


class Level:
    """A gauge whose level the test sets."""

    source = "the test"

    def __init__(self):
        self.level = self.mark = 0

    def set(self, level):
        self.level, self.mark = level, max(self.mark, level)

    def peak_bytes(self):
        return self.mark

    def reset(self):
        self.mark = self.level


def test_nested_windows_have_their_own_peaks():
    gauge = Level()
    tracker = Peaks(gauge)
    gauge.set(50)
    outer = tracker.start()
    gauge.set(90)
    gauge.set(20)
    inner = tracker.start()
    gauge.set(40)
    gauge.set(10)
    second = tracker.start()
    assert tracker.stop(second).value == 10
    assert tracker.stop(inner).value == 40
    assert tracker.stop(outer).value == 90


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM is Linux's")
def test_the_peak_of_a_window_is_not_that_of_an_earlier_one():
    try:
        tracker = Peaks(ResidentGauge())
    except OSError as error:
        pytest.skip(f"the kernel does not let its mark be set back: {error}")

    def use(megabytes):
        ticket = tracker.start()
        block = bytearray(megabytes * MB)
        block[::4096] = b"x" * len(block[::4096])
        del block
        return tracker.stop(ticket)

    large, small = use(200), use(10)
    assert large.quality is Quality.MEASURED
    assert large.value - small.value > 150 * MB


def test_a_kernel_that_refuses_falls_back_to_bounds(tmp_path):
    (tmp_path / "status").write_text("Name: x\n")
    with pytest.raises(OSError, match="VmHWM"):
        ResidentGauge(tmp_path)
    tracker = RoughPeaks()
    figure = tracker.stop(tracker.start())
    assert figure.quality is Quality.ESTIMATED
    assert figure.low == figure.value <= figure.high
    assert figure.value > MB


def test_a_tracker_for_this_machine():
    tracker = peaks("cpu")
    assert tracker.stop(tracker.start()).value > MB
    assert lifetime_peak_bytes() > MB
