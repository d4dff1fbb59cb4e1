"""Whom a network serves worse, with the error model of every other score."""

import pytest

from greendapt.report.formats.markdown import render_markdown

# full DAPT is better for all, and most of all for women
BY_SEX = {"none": (0.82, 0.80), "full": (0.96, 0.86)}


@pytest.fixture
def shown(seen):
    return seen(strategies=[*BY_SEX], by_sex=BY_SEX, patients=0.004)


def test_groups_gaps_and_who_widens_them(shown):
    (section,) = [one for one in shown.sections if one.key == "subgroups"]
    (table,) = section.tables
    none, full = ({row[2]: row for row in table[1:]}[name] for name in ("none", "full"))
    assert none[1] == full[1] == "sex"
    assert none[3] == "female 0.820 (80), male 0.800 (70)"
    assert full[4].startswith("female over male: +0.100 [+0.0")
    assert none[5] == "reference"
    assert full[5].startswith("+0.080 [+0.0")


def test_a_gap_that_is_no_chance_is_a_warning(shown):
    (fact,) = [fact for fact in shown.validity if fact.topic == "Subgroups"]
    assert fact.warn
    assert "full: AUC by sex female 0.960 and male 0.860" in fact.text
    assert "against none" in fact.text


def test_patients_decide_what_is_chance(seen):
    shown = seen(strategies=[*BY_SEX], by_sex=BY_SEX, patients=0.2)
    (fact,) = [fact for fact in shown.validity if fact.topic == "Subgroups"]
    assert not fact.warn


def test_without_groups_nothing_is_said(seen):
    text = render_markdown(seen(strategies=[*BY_SEX]))
    assert "Subgroups" not in text
