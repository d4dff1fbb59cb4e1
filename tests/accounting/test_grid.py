"""Joules to grams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.accounting.grid import carbon_intensity_score, countries, embodied, grid
from greendapt.accounting.regions import regions
from greendapt.core.errors import MeterError, SuiteError
from greendapt.core.figures import Figure, Quality

KWH = Figure(value=3.6e6, unit="J", quality=Quality.MEASURED, source="a counter", low=1.8e6)


def test_a_country_says_its_year_and_source():
    france = grid("FRA")
    assert 20 < france.intensity_g_per_kwh < 120
    assert "France 20" in france.source
    assert "Our World in Data" in france.source
    assert not france.flagged


def test_every_country_has_a_grid():
    assert len(countries()) > 200
    for code in countries():
        assert grid(code).intensity_g_per_kwh >= 0


@pytest.mark.parametrize(
    ("code", "least", "most", "words"),
    [
        ("USA-CA", 150, 300, "California 2023 (EPA eGRID"),
        ("USA-WV", 700, 1000, "West Virginia 2023"),
        ("CAN-QC", 5, 60, "Quebec 2023 (its mix of sources"),
        ("CHN-BJ", 500, 600, "Beijing 2023"),
        ("SWE-SE3", 20, 40, "2025"),
        ("XKX", 900, 1000, "Kosovo 2021"),
        ("EU", 200, 300, "European Union 2023"),
        ("WORLD", 475, 475, "world average 2018"),
        ("gcp:us-west1", 50, 150, "The Dalles, USA"),
        ("aws:eu-west-3", 20, 120, "AWS tells no intensity: the grid there"),
        ("azure:westeurope", 150, 400, "Netherlands 20"),
    ],
)
def test_regions_below_countries_unions_and_clouds(code, least, most, words):
    place = grid(code)
    assert least <= place.intensity_g_per_kwh <= most
    assert words in place.source
    assert not place.flagged


def test_every_region_has_an_intensity_or_none_and_never_0():
    for code in regions():
        place = grid(code)
        assert place.intensity_g_per_kwh is None or place.intensity_g_per_kwh > 0


def test_a_table_s_0_is_not_known():
    nowhere = grid("CAF")
    assert nowhere.intensity_g_per_kwh is None
    carbon = nowhere.carbon(KWH)
    assert carbon.value is None
    assert "Central African Republic 2022: the table has no intensity" in carbon.source
    assert "CAF" not in countries()


def test_a_mean_over_a_year_has_an_interval_and_a_stated_intensity_none():
    france = grid("FRA")
    middle = france.intensity_g_per_kwh
    assert france.low_g_per_kwh == pytest.approx(0.7 * middle)
    carbon = france.carbon(KWH)
    assert carbon.low == pytest.approx(1.8 / 3.6 * 0.7 * middle)
    assert carbon.high == pytest.approx(1.3 * middle)
    stated = grid(None, 100.0).carbon(Figure.measured(3.6e6, "J", "a counter"))
    assert (stated.low, stated.high) == (None, None)
    world = grid()
    assert world.low_g_per_kwh < 150
    assert world.high_g_per_kwh > 600


def test_nobody_said_where():
    world = grid()
    assert world.flagged
    assert world.intensity_g_per_kwh == 475
    assert "world average" in world.source


def test_a_stated_intensity_wins():
    assert grid(None, 50.0).intensity_g_per_kwh == 50
    assert not grid(None, 50.0).flagged
    assert "Hungary" in grid("HUN", 50.0).source


@pytest.mark.parametrize(
    ("code", "hint"), [("HUX", "HUN"), ("hun", "HUN"), ("Germany", "DEU"), ("FR", "FRA")]
)
def test_an_unknown_country_is_refused_with_near_matches(code, hint):
    with pytest.raises(SuiteError, match=hint):
        grid(code)


def test_a_code_like_no_other_is_refused():
    with pytest.raises(SuiteError, match="state the grid"):
        grid("@@@")


@pytest.mark.parametrize(
    "settings",
    [
        {"pue": 0.9},
        {"pue": float("nan")},
        {"pue": float("inf")},
        {"intensity_g_per_kwh": -1.0},
        {"intensity_g_per_kwh": float("nan")},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(SuiteError):
        grid(**settings)


def test_pue_and_intensity_are_applied_once():
    carbon = grid(None, 100.0, 1.5).carbon(KWH)
    assert carbon.value == pytest.approx(150.0)
    assert carbon.low == pytest.approx(75.0)
    assert carbon.quality is Quality.ESTIMATED
    assert "PUE 1.5" in carbon.source
    assert "measured" in carbon.source


def test_no_energy_no_carbon():
    carbon = grid().carbon(Figure.unavailable("J", "no counter"))
    assert carbon.value is None
    assert carbon.source == "no counter"


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.floats(0, 2000), st.floats(1, 3))
def test_carbon_adds_up_like_energy(one, two, intensity, pue):
    place = grid(None, intensity, pue)
    grams = [place.carbon(Figure.measured(j, "J", "x")).value for j in (one, two, one + two)]
    assert grams[0] + grams[1] == pytest.approx(grams[2])


def test_embodied_carbon_is_the_share_of_a_life():
    hour = Figure.measured(3600.0, "s", "clock")
    year = embodied(1000.0, 4.0, Figure.measured(365.25 * 86400, "s", "clock"))
    assert year.value == pytest.approx(250_000.0)
    assert embodied(1000.0, 4.0, hour, 0.5).value == pytest.approx(1e6 / (4 * 365.25 * 24) / 2)
    with pytest.raises(MeterError):
        embodied(-1.0, 4.0, hour)


def test_the_score_per_unit_of_work():
    operational = grid(None, 100.0).carbon(KWH)
    made = embodied(1000.0, 4.0, Figure.measured(3600.0, "s", "clock"))
    score = carbon_intensity_score(operational, made, 2000, "image")
    assert score.value == pytest.approx((100 + made.value) / 2000)
    assert score.unit == "g/image"
    alone = carbon_intensity_score(operational, None, 2000, "image")
    assert alone.value == pytest.approx(0.05)
    assert "without embodied carbon" in alone.source


@pytest.mark.parametrize("gained", [0.0, -0.3])
def test_no_gain_has_no_score(gained):
    score = carbon_intensity_score(grid(None, 100.0).carbon(KWH), None, gained, "AUC point")
    assert score.value is None
    assert "no AUC point" in score.source
