"""The verdict as a picture to share, and as a badge."""

import xml.etree.ElementTree as ET

import pytest

from greendapt.core.figures import Quality
from greendapt.report.formats.card import render_badge, render_card


def texts(picture):
    return [
        one.text or "" for one in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_the_card_has_the_sentence_three_figures_and_what_to_doubt(usual_view):
    said = texts(render_card(usual_view))
    assert usual_view.plain in " ".join(said)
    assert {tile.value for tile in usual_view.panels[0].tiles} <= set(said)
    assert said[-1].endswith("read with care: synthetic data, energy estimated, default grid")


def test_the_badge_names_the_best_buy_and_that_data_are_synthetic(usual_view, seen):
    assert texts(render_badge(usual_view)) == ["synthetic best buy", "partial2"]
    assert texts(render_badge(seen(noise=0.05, seeds=2, synthetic=False))) == [
        "best buy",
        "undecided",
    ]


@pytest.mark.parametrize(
    "changes", [{"shots": [5, "full"]}, {"strategies": ["full"]}, {"quality": Quality.UNAVAILABLE}]
)
def test_what_a_run_lacks_is_no_error(seen, changes):
    view = seen(**changes)
    assert view.plain.split()[0] in " ".join(texts(render_card(view)))
    assert len(texts(render_badge(view))) == 2


def test_names_that_attack_stay_words(hostile):
    for picture in (render_card(hostile), render_badge(hostile)):
        tags = {one.tag.rpartition("}")[2] for one in ET.fromstring(picture).iter()}
        assert tags == {"svg", "rect", "text"}
