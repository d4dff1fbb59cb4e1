"""Figures: what they refuse, and what sums of them say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from greendapt.core.figures import Figure, Quality, add, total

KNOWN = [q for q in Quality if q is not Quality.UNAVAILABLE]
VALUES = st.floats(0, 1e12)


@st.composite
def figures(draw, unit="J", available=True):
    if not available:
        return Figure.unavailable(unit, "no counter")
    value = draw(VALUES)
    low = draw(st.none() | st.floats(0, value))
    high = draw(st.none() | st.floats(value, 2e12))
    quality = draw(st.sampled_from(KNOWN))
    return Figure(value=value, unit=unit, quality=quality, source="s", low=low, high=high)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": None, "quality": "measured"},
        {"value": 0.0, "quality": "unavailable"},
        {"value": None, "quality": "unavailable", "low": 0.0},
        {"value": None, "quality": "unavailable", "high": 1.0},
        {"value": 1.0, "quality": "measured", "low": 1.1},
        {"value": 1.0, "quality": "measured", "high": 0.9},
        {"value": math.nan, "quality": "measured"},
        {"value": math.inf, "quality": "measured"},
        {"value": 1.0, "quality": "measured", "joules": 1.0},
        {"value": 1.0, "quality": "guessed"},
    ],
)
def test_an_inconsistent_figure_cannot_be_made(wrong):
    with pytest.raises(ValidationError):
        Figure(**{"unit": "J", "source": "s", **wrong})


def test_a_figure_does_not_change():
    figure = Figure.measured(1.0, "J", "nvml")
    with pytest.raises(ValidationError):
        figure.value = 2.0


@given(figures())
def test_json_keeps_a_figure_exactly(figure):
    assert Figure.model_validate_json(figure.model_dump_json()) == figure


@given(figures(), st.floats(1e-6, 1e6))
def test_scaling_scales_value_and_bounds_together(figure, factor):
    scaled = figure.scaled(factor, "g", "x intensity")
    assert scaled.value == figure.value * factor
    assert scaled.low == (None if figure.low is None else figure.low * factor)
    assert scaled.high == (None if figure.high is None else figure.high * factor)
    assert (scaled.unit, scaled.quality) == ("g", figure.quality)
    assert scaled.source == "s; x intensity"


def test_scaling_what_is_missing_leaves_it_missing():
    scaled = Figure.unavailable("J", "no counter").scaled(3.0, "g")
    assert (scaled.value, scaled.unit, scaled.source) == (None, "g", "no counter")


@given(st.lists(figures(), min_size=1, max_size=8))
def test_a_sum_has_the_value_the_bounds_and_the_worst_quality_of_its_parts(parts):
    result = add(parts)
    assert result.value == pytest.approx(sum(p.value for p in parts))
    assert result.quality == max((p.quality for p in parts), key=list(Quality).index)
    if all(p.low is None for p in parts):
        assert result.low is None
    else:
        lows = [p.value if p.low is None else p.low for p in parts]
        assert result.low == pytest.approx(sum(lows))
    if any(p.high is not None for p in parts):
        assert result.high >= result.value


@given(st.lists(figures(), min_size=1, max_size=6), st.randoms())
def test_the_order_of_parts_does_not_change_a_sum(parts, random):
    shuffled = random.sample(parts, len(parts))
    assert add(shuffled) == add(parts)


@given(st.lists(figures(), max_size=4))
def test_a_sum_over_stages_with_one_missing_is_missing(parts):
    result = add([*parts, Figure.unavailable("J", "killed")])
    assert (result.value, result.quality, result.source) == (None, Quality.UNAVAILABLE, "killed")


def test_sources_are_named_once():
    parts = [Figure.measured(1, "J", s) for s in ("nvml", "rapl", "nvml")]
    assert add(parts).source == "nvml + rapl"


@pytest.mark.parametrize("together", [add, lambda f: total({str(i): x for i, x in enumerate(f)})])
def test_different_units_and_nothing_at_all_are_refused(together):
    with pytest.raises(ValueError, match="different units"):
        together([Figure.measured(1, "J", "a"), Figure.measured(1, "s", "b")])
    with pytest.raises(ValueError, match="different units"):
        together([])


def test_a_headline_says_what_it_has_and_what_it_lacks():
    headline = total(
        {
            "gpu": Figure.measured(10, "J", "nvml"),
            "cpu": Figure(value=5, unit="J", quality="estimated", source="TDP", low=1, high=9),
            "dram": Figure.unavailable("J", "no domain"),
        }
    )
    assert (headline.value, headline.low, headline.high) == (15, 11, 19)
    assert headline.quality is Quality.ESTIMATED
    assert headline.source == "gpu measured (nvml); cpu estimated (TDP); without dram"


def test_a_headline_of_nothing_says_why():
    parts = {n: Figure.unavailable("J", f"no {n} counter") for n in ("gpu", "cpu")}
    headline = total(parts)
    assert headline.value is None
    assert headline.source == "gpu: no gpu counter; cpu: no cpu counter"
