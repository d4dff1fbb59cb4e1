"""Sensors that lie: through the driver's library in real time, and on a simulated clock."""

import time
from dataclasses import replace

import numpy as np
import pytest
from simulated_gpu import Curve, Faults, SimulatedGpu, simulated, simulated_gpu

from greendapt.core.figures import Quality
from greendapt.meter import Meter
from greendapt.meter.clock import now_s
from greendapt.meter.sources.gpu_energy import gpu_meters, read_edges
from greendapt.meter.sources.gpu_reader import Unreadable
from greendapt.meter.sources.nvml import open_gpus

A100 = {"name": "NVIDIA A100-SXM4-80GB", "boxcar_s": 0.025, "refresh_s": 0.1, "adds": 1}


def square_j(start_s, end_s, watts, square_w, period_s, duty):
    def until(t):
        turns, part = divmod(t / period_s, 1)
        return watts * t + square_w * period_s * (duty * turns + min(part, duty))

    return until(end_s) - until(start_s)


def metered(seconds, meters, *, align=False):
    before = read_edges(meters, align=align)
    start = now_s()
    time.sleep(seconds)
    end = now_s()
    after = read_edges(meters, align=align)
    (figure,) = (
        meter.figure(a, b, (start, end)) for meter, a, b in zip(meters, before, after, strict=True)
    )
    for meter in meters:
        meter.close()
    return figure, start, end


@pytest.mark.parametrize("no_counter", [0, 1])
@pytest.mark.parametrize(("period_s", "duty"), [(0.173, 0.5), (0.37, 0.25)])
def test_a_part_time_sensor_is_no_measurement_and_its_bounds_hold(
    standin, no_counter, period_s, duty
):
    wave = {"watts": 120, "square_w": 400, "square_s": period_s, "duty": duty}
    standin(**A100, **wave, sensor_gain=1.03, offset_w=-2, no_counter=no_counter)
    figure, start, end = metered(2.5, gpu_meters(open_gpus({}).found))
    truth = square_j(start, end, 120, 400, period_s, duty)
    assert figure.quality is Quality.INTEGRATED
    assert figure.low <= truth <= figure.high
    if not no_counter:
        assert "its sensor looks at 25% of the time" in figure.source


def test_a_module_s_counter_is_not_the_gpu_s(standin):
    standin(name="NVIDIA GH200 480GB", boxcar_s=0.02, adds=1, module_w=150, noise_w=0.5)
    figure, start, end = metered(1.5, gpu_meters(open_gpus({}).found))
    assert figure.quality is Quality.ESTIMATED
    assert figure.low <= 300 * (end - start) <= figure.high
    assert figure.value == pytest.approx(300 * (end - start), rel=0.05)
    assert "times the sampled power" in figure.source


def test_a_counter_that_wraps_is_neither_negative_nor_doubled(standin):
    standin(noise_w=0.5, wrap_j=200)
    figure, start, end = metered(1.5, gpu_meters(open_gpus({}).found))
    assert figure.quality is Quality.INTEGRATED
    assert figure.low <= 300 * (end - start) <= figure.high


def test_a_slow_reading_s_refresh_is_found_and_not_assumed(standin):
    standin(no_counter=1, refresh_s=0.6, jitter=0.1, noise_w=2)
    (meter,) = gpu_meters(open_gpus({}).found)
    figure, start, end = metered(3.0, [meter])
    assert meter.watch.power_refresh_s == pytest.approx(0.6, abs=0.15)
    assert figure.low <= 300 * (end - start) <= figure.high


def test_power_that_comes_a_second_late_is_put_back(standin):
    begun_s = now_s() + 1.0
    standin(name="NVIDIA GeForce RTX 4090", no_counter=1, boxcar_s=1.0, noise_w=0.5)
    standin(watts=60, step_w=300, step_at_s=begun_s)
    (meter,) = gpu_meters(open_gpus({}).found)
    time.sleep(max(0.0, begun_s - 0.2 - now_s()))
    figure, start, end = metered(2.5, [meter])
    truth = 60 * (end - start) + 300 * (end - begun_s)
    assert figure.value == pytest.approx(truth, rel=0.07)
    assert figure.low <= truth <= figure.high


def test_the_headline_says_why_it_is_not_measured(standin):
    standin(**A100, noise_w=0.5)
    meter = Meter(environ={})
    with meter.window() as window:
        time.sleep(0.6)
    meter.close()
    headline = window.record["energy_j"]["total"]
    assert headline.quality is not Quality.MEASURED
    assert "gpu integrated" in headline.source
    assert "its sensor looks at 25% of the time" in headline.source


# the rest on a simulated clock

STEADY = Curve(np.array([-12.0, 60.0]), np.array([300.0, 300.0]))


def simulated_figure(faults, curve=STEADY, *, name="Card", seconds=5.0, wait_s=3.0, spoil=None):
    draw = np.random.default_rng(1)
    with simulated(draw) as clock:
        gpu = simulated_gpu(draw, clock, name, curve, faults)
        (meter,) = gpu_meters([spoil(gpu) if spoil else gpu])
        meter.read()
        clock.sleep(wait_s)
        start, begun_s = meter.read(), clock.at_s
        clock.sleep(seconds)
        figure = meter.figure(start, meter.read(), (begun_s, clock.at_s))
    return figure, float(curve.joules(begun_s + seconds) - curve.joules(begun_s))


def test_a_good_sensor_is_measured_within_its_tolerance():
    figure, truth = simulated_figure(Faults(0.1, counter_s=0.1), name="Tesla T4")
    assert figure.quality is Quality.MEASURED
    assert figure.value == pytest.approx(truth, abs=300 * 0.05)  # a look is 50 ms from the next
    assert (figure.high - figure.low) / 2 / truth == pytest.approx(0.075, abs=0.005)


@pytest.mark.parametrize(
    ("until_s", "quality", "words"),
    [(60.0, "integrated", "did not move"), (9.0, "estimated", "times the sampled power")],
)
def test_a_counter_that_stands_still_in_mid_run_is_found(until_s, quality, words):
    """From 7 s on; what passed meanwhile it never tells."""

    def stopped(gpu):
        at_s, joules = map(np.array, gpu.counter)
        still = np.clip(at_s, 7.0, until_s) - 7.0
        return replace(gpu, counter=(at_s.tolist(), (joules - 300 * still).round(3).tolist()))

    figure, truth = simulated_figure(Faults(0.1, counter_s=0.1), wait_s=5.0, spoil=stopped)
    assert figure.quality.value == quality
    assert words in figure.source
    assert figure.value == pytest.approx(truth, rel=0.02)
    assert figure.low <= truth <= figure.high


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.3])
def test_a_window_of_few_looks_is_as_wide_as_power_can_be(seconds):
    """A burst that no look saw."""
    curve = Curve(
        np.array([-12.0, 10.0, 10.0 + seconds, 60.0]), np.array([100.0, 650.0, 100.0, 0.0])
    )
    draw = np.random.default_rng(1)
    with simulated(draw) as clock:
        (meter,) = gpu_meters([simulated_gpu(draw, clock, "Card", curve, Faults(0.4))])
        meter.read()
        clock.sleep(10.0 - clock.at_s)
        start = meter.read()
        clock.sleep(seconds)
        figure = meter.figure(start, meter.read(), (10.0, clock.at_s))
    assert figure.quality is Quality.INTEGRATED
    assert figure.low <= 650 * seconds <= figure.high


def test_a_load_in_step_with_the_sensor_is_never_called_measured():
    """Nothing tells it from a steady one: the known limit of a part-time sensor."""
    edges = np.arange(-12, 60, 0.1)
    curve = Curve(
        np.stack([edges, edges + 0.05], axis=1).ravel(), np.tile([600.0, 100.0], len(edges))
    )
    faults = Faults(0.1, 0.25, counter_s=0.1, adds_readings=True, jitter=0.0)
    figure, _ = simulated_figure(faults, curve, name="NVIDIA H100 80GB HBM3")
    assert figure.quality is Quality.INTEGRATED
    assert "25% of the time" in figure.source


class Silent(SimulatedGpu):
    """Tells no power between 4 and 5 s."""

    def power_w(self):
        if 4.0 <= self.clock.at_s < 5.0:
            raise Unreadable("it is busy")
        return super().power_w()


@pytest.mark.parametrize(("wait_s", "known"), [(3.0, False), (6.0, True)])
def test_a_gap_in_the_power_costs_the_windows_it_lies_in(wait_s, known):
    figure, truth = simulated_figure(
        Faults(0.1), wait_s=wait_s, seconds=3.0, spoil=lambda gpu: Silent(**vars(gpu))
    )
    assert (figure.value is not None) is known
    if known:
        assert figure.low <= truth <= figure.high
