"""From what is counted to the wall."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greendapt.accounting.wall import fitted, wall_energy, with_wall
from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure, Quality

LINE = [(10.0, 35.0), (40.0, 71.0), (80.0, 119.0)]  # 1.2 x + 23


def fit_of(readings=LINE, parts=("cpu",), modelled=False):
    return fitted(readings, parts, modelled, "2026-11-27")


def stage(joules, seconds, quality=Quality.MEASURED, low=None, high=None, gpu=None):
    cpu = Figure(value=joules, unit="J", quality=quality, source="x", low=low, high=high)
    return {
        "wall_s": Figure.measured(seconds, "s", "clock"),
        "energy_j": cpu,
        "energy_cpu_j": cpu,
        "energy_gpu_j": gpu or Figure.unavailable("J", "none"),
        "energy_dram_j": Figure.unavailable("J", "none"),
    }


def test_a_line_through_three_readings_gives_energy_at_the_wall():
    wall = wall_energy(stage(500.0, 10.0), fit_of())
    assert wall.value == pytest.approx(1.2 * 500 + 23 * 10)
    assert wall.quality is Quality.ESTIMATED
    assert wall.low == pytest.approx(0.98 * wall.value)  # the plug meter's tolerance alone
    assert wall.high == pytest.approx(1.02 * wall.value)
    assert "3 readings of a plug meter on 2026-11-27" in wall.source


def test_bounds_hold_the_residual_and_what_was_counted():
    bent = fit_of([(10.0, 35.0), (40.0, 75.0), (80.0, 119.0)])
    assert bent.residual_w > 1.0
    counted = stage(500.0, 10.0, low=450.0, high=550.0)
    wall = wall_energy(counted, bent)
    assert wall.high - wall.value == pytest.approx(
        bent.slope * 50 + bent.residual_w * 10 + 0.02 * wall.value
    )


def test_two_readings_leave_more_open_than_three():
    wide = wall_energy(stage(500.0, 10.0), fit_of([LINE[0], LINE[2]]))
    narrow = wall_energy(stage(500.0, 10.0), fit_of())
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_a_model_s_guess_of_its_watts_is_set_right_by_the_plug():
    """Its bounds no longer hold a TDP that may be off by four, but other work than that read."""
    fit = fit_of([(0.1, 20.0), (50.0, 45.0), (100.0, 70.0)], modelled=True)
    guessed = stage(1000.0, 10.0, Quality.ESTIMATED, low=100.0, high=9000.0)
    wall = wall_energy(guessed, fit)
    assert wall.value == pytest.approx(fit.slope * 1000 + fit.base_w * 10)
    assert wall.value < 0.2 * fit.slope * 9000
    assert wall.low < wall.value - 0.4 * fit.slope * 1000


def test_a_machine_gives_no_power_back():
    fit = fit_of([(50.0, 51.0), (100.0, 110.0)])
    assert fit.base_w == 0.0
    assert fit.residual_w > 0


@given(
    slope=st.floats(1.0, 2.0),
    base=st.floats(0.0, 200.0),
    watts=st.lists(st.floats(1.0, 500.0), min_size=3, max_size=3, unique=True),
    joules=st.floats(1.0, 1e6),
    seconds=st.floats(0.1, 1e4),
)
def test_the_truth_of_any_line_lies_in_the_bounds(slope, base, watts, joules, seconds):
    watts = sorted(watts)
    assume(watts[-1] - watts[0] > 1.0)
    off = (1.01, 0.99, 1.01)
    plug = [(w, (slope * w + base) * factor) for w, factor in zip(watts, off, strict=True)]
    assume(plug[-1][1] > plug[0][1])
    fit = fit_of(plug)
    # between the readings: beyond them their errors grow
    assume(watts[0] <= joules / seconds <= watts[-1])
    wall = wall_energy(stage(joules, seconds), fit)
    assert wall.low <= slope * joules + base * seconds <= wall.high


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ([(10.0, 35.0), (10.1, 119.0)], "did not show in what is counted"),
        ([(10.0, 119.0), (80.0, 35.0)], "from rest to full load"),
        ([(10.0, 12.0), (80.0, 50.0)], "all of this machine on that plug"),
    ],
)
def test_readings_that_no_machine_gives_are_refused(readings, words):
    with pytest.raises(MeterError, match=words):
        fit_of(readings)


def test_a_modelled_machine_may_count_more_than_the_plug():
    """A guessed TDP is no contradiction: the line sets it right."""
    assert fit_of([(0.1, 12.0), (80.0, 50.0)], modelled=True).slope < 1


def test_without_a_reading_it_says_what_is_left_out_and_what_to_do():
    wall = wall_energy(stage(500.0, 10.0), None)
    assert wall.value is None
    assert "disks, fans" in wall.source
    assert "greendapt doctor --wall" in wall.source


def test_other_parts_than_those_read_have_none():
    gpu = Figure.measured(300.0, "J", "NVML")
    wall = wall_energy(stage(500.0, 10.0, gpu=gpu), fit_of())
    assert wall.value is None
    assert "read with counted cpu, but this has gpu + counted cpu" in wall.source
    modelled = wall_energy(stage(500.0, 10.0, Quality.ESTIMATED), fit_of())
    assert "this has modelled cpu" in modelled.source


def test_no_energy_no_wall():
    figures = stage(500.0, 10.0) | {"energy_j": Figure.unavailable("J", "the GPU was lost")}
    assert wall_energy(figures, fit_of()).source == "the GPU was lost"


def test_a_failed_stage_has_no_figures():
    assert with_wall({}, fit_of()) == {}


class Machine:
    """Devices behind a power supply whose efficiency bends (as 80 PLUS Gold asks), with memory,
    disks, and fans that follow the load; a plug meter that is up to 1% off."""

    def __init__(self, random):
        self.idle_w = random.uniform(5, 150)
        self.full_w = self.idle_w * random.uniform(2, 12)
        self.beside_w, self.fans = random.uniform(5, 60), random.uniform(0, 0.08)
        self.rated_w = 1.4 * self.full_w * random.uniform(1, 2)
        self.gain = random.uniform(0.99, 1.01)

    def wall_w(self, counted_w):
        out_w = counted_w * (1 + self.fans * counted_w / self.full_w) + self.beside_w
        bend = ([0.05, 0.1, 0.2, 0.5, 1.0], [0.75, 0.84, 0.88, 0.92, 0.88])
        return out_w / float(np.interp(out_w / self.rated_w, *bend))

    def reading(self, share):
        counted_w = self.idle_w + share * (self.full_w - self.idle_w)
        return counted_w, round(self.gain * self.wall_w(counted_w), 1)


@pytest.mark.parametrize(("levels", "typical"), [((0, 0.5, 1), 0.02), ((0, 1), 0.04)])
def test_over_machines_whose_losses_bend_the_truth_lies_in_the_bounds(levels, typical):
    random, off, inside = np.random.default_rng(5), [], []
    for _ in range(1000):
        machine = Machine(random)
        fit = fit_of([machine.reading(level) for level in levels])
        counted_w = random.uniform(machine.idle_w, machine.full_w)
        wall = wall_energy(stage(60 * counted_w, 60.0), fit)
        truth_j = 60 * machine.wall_w(counted_w)
        off.append(abs(wall.value / truth_j - 1))
        inside.append(wall.low <= truth_j <= wall.high)
    assert np.mean(inside) >= 0.95
    assert np.median(off) < typical
