"""Numbers as people read them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.units import duration, energy, grams, si

POWERS = {"E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "": 0, "m": -3, "µ": -6, "n": -9}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 J"),
        (12345, "12.3 kJ"),
        (-12345, "-12.3 kJ"),
        (999.4, "999 J"),
        (999.9, "1 kJ"),
        (0.9999, "1 J"),
        (1, "1 J"),
        (1.5, "1.5 J"),
        (100, "100 J"),
        (0.0123, "12.3 mJ"),
        (2.5e-6, "2.5 µJ"),
        (1e-12, "0.001 nJ"),
        (3.1e18, "3.1 EJ"),
        (4e21, "4000 EJ"),
    ],
)
def test_si(value, text):
    assert si(value, "J") == text


@given(st.floats(1e-9, 9e20), st.integers(1, 6))
def test_si_reads_back_within_its_digits_and_has_no_exponent(value, digits):
    text = si(value, "", digits)
    number, prefix = re.fullmatch(r"([0-9.]+) ?([EPTGMkmµn]?)", text).groups()
    assert float(number) * 10.0 ** POWERS[prefix] == pytest.approx(
        value, rel=0.51 * 10 ** (1 - digits)
    )
    assert float(number) < 1000


def test_few_digits_of_a_big_number_stay_plain():
    assert si(123, "J", digits=2) == "120 J"


@pytest.mark.parametrize(
    ("value", "text"),
    [(999.9, "1 kg"), (12, "12 g"), (0.0042, "4.2 mg"), (999_900, "1 t"), (2.5e6, "2.5 t")],
)
def test_grams(value, text):
    assert grams(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (42, "42 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7800, "2 h 10 min"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("joules", "text"),
    [
        (3310.0, "3.31 kJ (0.919 Wh)"),
        (108e3, "108 kJ (30 Wh)"),
        (7.2e6, "7.2 MJ (2 kWh)"),
        (40.0, "40 J (0.0111 Wh)"),
        (0.0089, "8.9 mJ (2.47 µWh)"),
        (0.0, "0 J (0 Wh)"),
    ],
)
def test_energy_as_people_read_it(joules, text):
    assert energy(joules) == text
