"""What ``--budget`` takes, and how it is told."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greendapt.core.errors import SuiteError
from greendapt.run.budget import Budget, parse_budget

UNITS = {
    **{"mg": (1e-3, "g"), "g": (1, "g"), "kg": (1e3, "g")},
    **{"J": (1, "J"), "kJ": (1e3, "J"), "MJ": (1e6, "J"), "Wh": (3600, "J"), "kWh": (3.6e6, "J")},
    **{"s": (1, "s"), "min": (60, "s"), "h": (3600, "s")},
}


@given(
    number=st.floats(1e-6, 1e9),
    unit=st.sampled_from([*UNITS]),
    space=st.sampled_from(["", " "]),
    form=st.sampled_from(["{:f}", "{:.3e}", "{!r}"]),
)
def test_a_number_with_a_unit(number, unit, space, form):
    written = form.format(number)
    factor, base = UNITS[unit]
    budget = parse_budget(f"{written}{space}{unit}")
    assert budget.unit == base
    assert budget.limit == pytest.approx(float(written) * factor)


@given(limit=st.floats(1e-9, 1e12), unit=st.sampled_from(["g", "J", "s"]))
def test_its_option_is_the_same_budget(limit, unit):
    again = parse_budget(Budget(limit, unit).option)
    assert again.unit == unit
    assert again.limit == pytest.approx(limit, rel=1e-5)


@given(st.text(max_size=30))
@example("0g")
@example("-5g")
@example("nan g")
@example("infJ")
@example("1e400g")
@example("1e308kWh")
@example("1e-400s")
@example("50")
@example("g")
@example("")
@example("5 mJ")
@example("5KG")
@example("1h30min")
@example("1e5e5g")
@example("\N{ARABIC-INDIC DIGIT FIVE}g")
@example("9" * 100_000 + "!")
def test_anything_else_is_one_sentence(text):
    try:
        budget = parse_budget(text)
    except SuiteError as error:
        told = str(error)
        assert told.startswith(f"--budget {text[:80]}")
        assert len(told) < 300
        assert "such as 50g" in told or "more than nothing" in told
    else:
        assert 0 < budget.limit < math.inf


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf])
def test_none_is_made_of_what_is_no_amount(limit):
    with pytest.raises(SuiteError, match="more than nothing"):
        Budget(limit, "g")


def test_an_unknown_unit_is_refused():
    with pytest.raises(SuiteError, match="in g, J or s, not in 'Wh'"):
        Budget(1.0, "Wh")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("50g", "50 g"),
        ("1.5 kg", "1.5 kg"),
        ("20Wh", "72 kJ (20 Wh)"),
        ("30min", "30 min 00 s"),
        ("2h", "2 h 00 min"),
    ],
)
def test_people_read_it(text, told):
    assert str(parse_budget(text)) == told
