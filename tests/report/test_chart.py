"""The chart specification, and the drawing made from it."""

import math
import xml.etree.ElementTree as ET
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.report.charts import drawing, pareto_chart
from greendapt.report.charts.axes import Axis, ticks
from greendapt.report.charts.theme import CSS, DARK, LIGHT, SHAPES, colour, shape
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view
from greendapt.report.view.marks import Family, family
from greendapt.report.view.model import DEVELOPMENT
from greendapt.suite.models import Suite


@pytest.fixture
def panel(run_writer):
    return view(load_run(run_writer.write())).panels[0]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_strategy_is_named_beside_its_point(panel):
    picture = ET.fromstring(
        drawing.svg(
            pareto_chart.pareto_spec(panel, DEVELOPMENT, "carbon_g", LIGHT, pareto_chart.WIDE),
            LIGHT,
        )
    )
    written = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    for entry in panel.entries:
        assert written.count(entry.name) == 2  # a halo, and the name on it
    assert "Carbon, g CO2e (log scale)" in written


def test_points_carry_the_numbers_of_the_table(panel):
    spec = pareto_chart.pareto_spec(panel, DEVELOPMENT, "energy_j", LIGHT, pareto_chart.WIDE)
    for row, entry in zip(spec["data"]["values"], panel.entries, strict=True):
        assert row["score"] == entry.metrics[DEVELOPMENT].mean
        assert row["cost"] == pytest.approx(entry.costs["energy_j"].estimate.mean / 3600)
        assert row["front"] == entry.standing.on_front


def test_one_drawing_serves_both_themes_through_css_variables(panel):
    spec = pareto_chart.pareto_spec(panel, DEVELOPMENT, "carbon_g", CSS, pareto_chart.NARROW)
    picture = drawing.svg(spec, CSS)
    assert 'fill="var(--ink)"' in picture
    assert 'stroke="var(--s0)"' in picture
    assert "#0" not in picture.replace('fill="#000"', "")


def test_families_have_a_colour_and_depth_a_shape_in_every_picture(panel):
    of = {entry.name: entry.mark for entry in panel.entries}
    families = {name: Family(mark % len(Family)).name for name, mark in of.items()}
    assert families == {
        "none": "NONE", "cut2-none": "NONE", "partial1": "PARTIAL", "partial2": "PARTIAL",
        "hybrid1": "HYBRID", "hybrid2": "HYBRID", "cut2": "SIMPLIFIED", "cut3": "SIMPLIFIED",
        "full": "FULL",
    }  # fmt: skip
    assert len(Family) == len(LIGHT.series) == len(DARK.series)
    for shallow, deep in (("partial1", "partial2"), ("hybrid1", "hybrid2"), ("cut2", "cut3")):
        assert colour(LIGHT, of[shallow]) == colour(LIGHT, of[deep])
        assert [SHAPES.index(shape(of[name])) for name in (shallow, deep)] == [0, 1]


def test_what_adds_small_parts_is_a_family_of_its_own(run_writer):
    suite = run_writer.suite().model_dump(mode="json", by_alias=True)
    suite["phase"]["small"] = {**suite["phase"]["all"], "train": "bias"}
    suite["strategy"]["biases"] = {"phases": ["small"]}
    assert family(Suite.model_validate(suite), "biases") is Family.PEFT
    assert family(run_writer.suite(), "no such") is Family.OTHER


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_families_are_told_apart_with_red_green_blindness_too(theme):
    """CIE 1976 distances, of colours as people with deuteranopia see them (Machado et al. 2009)."""
    turned = np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.01182, 0.04294, 0.968881]]
    )  # fmt: skip
    to_xyz = np.array(
        [[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0177, 0.1095, 0.8727]]
    )  # of linear sRGB, the white at 1

    def lab(hue, seen):
        channels = np.array([int(hue[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        xyz = to_xyz @ np.clip(seen @ linear, 0, 1)
        x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    for seen in (np.eye(3), turned):
        places = [lab(hue, seen) for hue in theme.series]
        assert min(math.dist(a, b) for a, b in combinations(places, 2)) > 25


@pytest.mark.parametrize(
    ("theme", "grounds"), [(LIGHT, ["#ffffff", "#f6f7f3"]), (DARK, ["#1a1f22", "#111517"])]
)
def test_text_and_marks_stand_out_as_wcag_aa_asks(theme, grounds):
    for ground in grounds:
        assert min(contrast(c, ground) for c in (theme.ink, theme.quiet, theme.accent)) >= 4.5
        assert min(contrast(colour, ground) for colour in theme.series) >= 3


def test_the_line_of_chance_is_drawn_where_the_picture_reaches_it(run_writer):
    run_writer.external = {"near": 0.5}
    panel = view(load_run(run_writer.write())).panels[0]
    near = pareto_chart.pareto_spec(
        panel, ("external", "near", "auc"), "carbon_g", LIGHT, pareto_chart.WIDE
    )
    assert "chance" in drawing.svg(near, LIGHT)
    far = pareto_chart.pareto_spec(panel, DEVELOPMENT, "carbon_g", LIGHT, pareto_chart.WIDE)
    assert "chance" not in drawing.svg(far, LIGHT)


def test_the_text_alternative_holds_every_point(panel):
    said = pareto_chart.alternative(panel, DEVELOPMENT, "carbon_g")
    for entry in panel.entries:
        assert f"{entry.name}: {entry.metrics[DEVELOPMENT].mean:.3f}" in said


@given(st.floats(1e-3, 1e3), st.floats(4.5, 1e4))
def test_log_axes_have_a_few_ticks_inside_and_invert(low, ratio):
    axis = Axis(low, low * ratio, True, 470)
    found = ticks(axis)
    assert 1 <= len(found) <= 13
    assert all(axis.low <= tick <= axis.high for tick in found)
    assert axis.to_value(axis.to_pixel(low * 2)) == pytest.approx(low * 2)


@given(st.floats(1e-3, 1e6))
def test_linear_axes_start_at_nothing_and_have_a_few_ticks(high):
    found = ticks(Axis(0, high, False, 470))
    assert found[0] == 0
    assert 3 <= len(found) <= 9
