"""Energy of GPUs with a known power curve, through the real library calls."""

import itertools
import math
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from greendapt.core.figures import Quality
from greendapt.meter import Meter
from greendapt.meter.clock import now_s
from greendapt.meter.sources.gpu_energy import CounterMeter, PowerMeter, gpu_meters, read_edges
from greendapt.meter.sources.nvml import open_gpus


def sine_j(start_s, end_s, watts=300.0, amplitude=0.0, period_s=1.0):
    """The stand-in's energy between two times, in closed form."""
    turn = 2 * math.pi / period_s
    wave = amplitude / turn * (math.cos(turn * start_s) - math.cos(turn * end_s))
    return watts * (end_s - start_s) + wave


def metered(seconds, *, align=True, gpus=None):
    """One window over all GPUs: their figures, and when it began and ended."""
    meters = gpus or gpu_meters(open_gpus({}).found)
    before = read_edges(meters, align=align)
    start = now_s()
    time.sleep(seconds)
    end = now_s()
    after = read_edges(meters, align=align)
    figures = [m.figure(a, b, (start, end)) for m, a, b in zip(meters, before, after, strict=True)]
    for meter in meters if gpus is None else []:
        meter.close()
    return figures, start, end


@pytest.mark.parametrize("gpus", [1, 3])
def test_the_counter_is_within_one_percent(standin, gpus):
    standin(gpus=gpus)
    figures, start, end = metered(0.7)
    assert len(figures) == gpus
    for figure in figures:
        assert figure.quality is Quality.MEASURED
        assert figure.value == pytest.approx(sine_j(start, end), rel=0.01)
        assert figure.low <= sine_j(start, end) <= figure.high


def test_a_machine_that_polls_late_keeps_the_truth_within_bounds(standin, monkeypatch):
    standin()
    late = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds + 0.03))
    monkeypatch.setattr("greendapt.meter.sources.gpu_energy.time", late)
    for seconds in (0.41, 0.44, 0.47):
        (figure,), start, end = metered(seconds)
        assert figure.low <= sine_j(start, end) <= figure.high
        # half of a look's time at each edge, and no more
        assert figure.value == pytest.approx(sine_j(start, end), abs=2 * 300 * 0.02)


@pytest.mark.parametrize("gpus", [3])
def test_sampled_power_is_within_one_percent(standin, gpus):
    standin(gpus=gpus, no_counter=1)
    figures, start, end = metered(0.7)
    assert len(figures) == gpus
    for figure in figures:
        assert figure.quality is Quality.INTEGRATED
        assert figure.value == pytest.approx(sine_j(start, end), rel=0.01)


@pytest.mark.parametrize("no_counter", [0, 1])
def test_a_sine_on_top_is_within_two_percent(standin, no_counter):
    standin(sine_w=100, sine_s=0.8, no_counter=no_counter)
    figures, start, end = metered(1.1)
    truth = sine_j(start, end, amplitude=100, period_s=0.8)
    old_j = 100 * 0.1 if no_counter else 0.0  # power read may be a refresh period old
    assert figures[0].value == pytest.approx(truth, abs=0.02 * truth + old_j)
    assert figures[0].low <= truth <= figures[0].high


def test_short_windows_carry_bounds_that_hold_the_truth(standin):
    standin()
    meters = gpu_meters(open_gpus({}).found)
    for seconds in (0.001, 0.01, 0.03, 0.05, 0.09, 0.12, 0.19, 0.22, 0.25, 0.33):
        (figure,), start, end = metered(seconds, align=False, gpus=meters)
        assert figure.value > 0
        assert figure.low <= sine_j(start, end) <= figure.high
        shorter = end - start < 2 * meters[0].refresh_s
        assert figure.quality is (Quality.INTEGRATED if shorter else Quality.MEASURED)


def test_the_refresh_period_is_found(standin):
    standin(refresh_s=0.06)
    (meter,) = gpu_meters(open_gpus({}).found)
    assert meter.refresh_s == pytest.approx(0.06, abs=0.04)


def test_a_slow_counter_s_refresh_is_found_and_not_assumed(standin):
    standin(refresh_s=0.7)
    (meter,) = gpu_meters(open_gpus({}).found)
    assert meter.refresh_s == pytest.approx(0.7, abs=0.1)
    assert meter.stale_s == meter.refresh_s


def test_a_counter_too_slow_to_be_seen_is_believed_for_long_windows_alone(standin):
    standin(refresh_s=30)
    (meter,) = gpu_meters(open_gpus({}).found)
    assert meter.refresh_s is None
    (figure,), *_ = metered(0.3, gpus=[meter], align=False)
    meter.close()
    assert figure.quality is Quality.INTEGRATED


@pytest.mark.parametrize(("gain", "quality"), [(1.05, "measured"), (1.61, "estimated")])
def test_a_counter_that_sampled_power_contradicts_is_not_measured(standin, gain, quality):
    standin(gain=gain)
    meters = gpu_meters(open_gpus({}).found)
    meters[0].begin()
    (figure,), start, end = metered(1.6, gpus=meters)
    meters[0].close()
    assert figure.quality.value == quality
    if quality == "estimated":
        assert figure.low <= sine_j(start, end) * 1.01
        assert figure.high >= gain * sine_j(start, end) * 0.99
        assert "times the sampled power" in figure.source


@pytest.mark.parametrize("into", [0.1, 0.5])
def test_a_counter_reset_is_neither_negative_nor_doubled(standin, into):
    standin()
    (meter,) = gpu_meters(open_gpus({}).found)
    standin(reset_s=now_s() + into)
    (figure,), start, end = metered(0.7, align=False, gpus=[meter])
    truth = sine_j(start, end)
    assert figure.quality is Quality.INTEGRATED
    assert "reset" in figure.source
    assert figure.value == pytest.approx(truth, rel=0.05)
    assert figure.low <= truth <= figure.high


@pytest.mark.parametrize("no_counter", [0, 1])
def test_a_gpu_lost_in_mid_run_has_no_figure(standin, no_counter):
    standin(no_counter=no_counter)
    meter = Meter()
    with meter.window() as before:
        time.sleep(0.01)
    with meter.window() as lost:
        standin(lost_s=now_s())
        time.sleep(0.01)
    meter.close()
    assert before.figures["energy_gpu_j"].value > 0
    assert lost.figures["energy_gpu_j"].value is None
    assert "lost" in lost.figures["energy_gpu_j"].source
    assert lost.figures["energy_j"].value is None, "a total without the GPU reads as a saving"
    assert lost.record["carbon_g"].value is None


def test_a_gpu_that_tells_nothing_is_missing_not_zero(standin):
    standin(no_counter=1, no_power=1)
    (figure,), _, _ = metered(0.01)
    assert figure.value is None
    assert "does not support" in figure.source


def test_a_counter_without_power_still_counts(standin):
    standin(no_power=1, no_limit=1)
    (figure,), start, end = metered(0.5, align=False)
    assert figure.quality is Quality.MEASURED
    assert figure.value == pytest.approx(sine_j(start, end), abs=46)


def test_a_recorded_trace_is_replayed(standin, tmp_path):
    trace = [(0.0, 90.0), (0.2, 110.0), (0.3, 480.0), (0.7, 520.0), (0.8, 200.0), (1.0, 180.0)]
    path = tmp_path / "trace.txt"
    path.write_text("\n".join(f"{t} {w}" for t, w in trace))
    standin(trace=path, start_s=now_s() + 0.2, refresh_s=0.02)

    def energy(t):
        parts = itertools.pairwise(trace)
        pieces = [
            (a, w, min(t, b), w + (v - w) * (min(t, b) - a) / (b - a))
            for (a, w), (b, v) in parts
            if t > a
        ]
        return sum((w + v) / 2 * (b - a) for a, w, b, v in pieces)

    begun = now_s() + 0.2
    meters = gpu_meters(open_gpus({}).found)
    time.sleep(max(0.0, begun - now_s()))
    (figure,), start, end = metered(0.85, gpus=meters)
    truth = energy(end - begun) - energy(start - begun)
    assert figure.value == pytest.approx(truth, rel=0.01)


def test_counter_and_integrated_power_are_compared_once(standin):
    standin(gpus=2)
    meter = Meter()
    assert [gpu.counter_over_integrated for gpu in meter.facts().gpus] == [None, None]
    with meter.window():
        time.sleep(1.4)
    ratios = [gpu.counter_over_integrated for gpu in meter.facts().gpus]
    meter.close()
    assert ratios == pytest.approx([1.0, 1.0], abs=0.1)  # updates are seen some 10 ms late


def test_meters_are_chosen_by_what_the_gpu_tells(standin):
    standin()
    assert isinstance(gpu_meters(open_gpus({}).found)[0], CounterMeter)
    standin(no_counter=1)
    (sampled,) = gpu_meters(open_gpus({}).found)
    assert isinstance(sampled, PowerMeter)
    sampled.close()


def test_an_image_in_use_takes_what_the_curve_says(standin):
    from greendapt.run.stages.base import Monitor
    from greendapt.run.stages.use import _pace

    standin()
    seen = []

    @contextmanager
    def gpu_alone():
        with meter.window() as window:
            told = SimpleNamespace(figures={})
            yield told
        told.figures["energy_j"] = window.figures["energy_gpu_j"]
        seen.append(window.figures["wall_s"].value)

    meter = Meter(device="cuda", align=True)
    pace = _pace(lambda: time.sleep(0.02), 4, Monitor(window=gpu_alone))
    meter.close()
    joules = 300 * sum(seen)
    assert pace.energy_j.value * pace.batch * pace.passes == pytest.approx(joules, rel=0.01)
    assert pace.energy_j.quality is Quality.MEASURED
