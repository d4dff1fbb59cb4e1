"""What a power sensor leaves open, by itself."""

import numpy as np
import pytest

from greendapt.meter.sources.sensor import UNKNOWN, Sensor, sensor_of, tolerance_j

PART_TIME = Sensor(share=0.25, known=True)


@pytest.mark.parametrize(
    ("name", "share", "trailing_s"),
    [
        ("NVIDIA A100-SXM4-80GB", 0.25, 0.0),
        ("NVIDIA H100 80GB HBM3", 0.25, 0.0),
        ("NVIDIA GH200 480GB", 0.2, 0.0),
        ("Tesla V100-SXM2-16GB", 0.5, 0.0),
        ("Tesla T4", 1.0, 0.0),
        ("NVIDIA GeForce RTX 4090", 1.0, 1.0),
        ("NVIDIA L40S", 1.0, 1.0),
    ],
)
def test_sensors_are_known_by_the_card_s_name(name, share, trailing_s):
    assert sensor_of(name) == Sensor(share, trailing_s, known=True)


@pytest.mark.parametrize("name", ["NVIDIA B200", "Stand-in A", "AMD Instinct MI300X", ""])
def test_a_card_nobody_looked_at_may_have_the_worst_sensor(name):
    assert sensor_of(name) is UNKNOWN
    assert UNKNOWN.part_time


def test_power_that_stays_the_same_leaves_nothing_open():
    assert PART_TIME.unlooked_j([300.0] * 50, 0.1, 0.1) == 0.0


def test_a_sensor_that_looks_all_the_time_leaves_nothing_open():
    full = Sensor(share=1.0, known=True)
    assert full.unlooked_j([100.0, 500.0] * 20, 0.1, 0.1) == 0.0
    # but where it is asked less often than it tells
    assert full.unlooked_j([100.0, 500.0] * 20, 0.1, 0.4) > 0


def test_chance_errors_grow_with_the_root_of_the_readings():
    draw = np.random.default_rng(0)
    short, long = (PART_TIME.unlooked_j(draw.uniform(100, 500, n), 0.1, 0.1) for n in (400, 40_000))
    assert long / short == pytest.approx(10, rel=0.15)


def test_a_slow_beat_leaves_more_open_than_a_quick_one_and_than_a_jump():
    times = np.arange(200) * 0.1
    slow, quick = (
        PART_TIME.unlooked_j(300 + 200 * np.sin(2 * np.pi * times / period), 0.1, 0.1)
        for period in (15.0, 3.0)
    )
    jump = PART_TIME.unlooked_j(np.where(times < 10, 100.0, 500.0), 0.1, 0.1)
    assert slow > 3 * quick
    assert slow > 10 * jump


def test_the_error_of_a_periodic_load_is_within():
    """Power that comes back every 97 ms, seen for 25 of every 100."""
    for phase in np.linspace(0, 0.097, 20):
        ends = np.arange(1, 60) * 0.1
        on = [np.mean((np.arange(e - 0.025, e, 1e-4) + phase) % 0.097 < 0.05) for e in ends]
        readings = 100 + 400 * np.array(on)
        truth = np.mean(100 + 400 * ((np.arange(0.1, 5.9, 1e-4) + phase) % 0.097 < 0.05)) * 5.9
        assert abs(readings.sum() * 0.1 - truth) < PART_TIME.unlooked_j(readings, 0.1, 0.1)


def test_gain_and_offset_are_never_known():
    assert tolerance_j(1000.0, 0.0) == pytest.approx(70)
    assert tolerance_j(0.0, 10.0) == pytest.approx(50)
