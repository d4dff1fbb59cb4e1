"""Hints at mistyped names."""

from greendapt.core.hints import did_you_mean

KNOWN = {"chestxray": 1, "chestxrays": 2, "length": 3}


def test_the_nearest_name_is_said():
    assert did_you_mean("chestxry", KNOWN) == "did you mean chestxray?"


def test_as_many_as_asked_for_nearest_first():
    assert did_you_mean("chestxry", KNOWN, 2) == "did you mean chestxray, chestxrays?"


def test_nothing_is_said_where_none_is_near():
    assert did_you_mean("q", KNOWN) == ""
