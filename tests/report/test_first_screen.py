"""What a page says before anything else: one sentence, three figures, one line of caveats."""

import pytest

from greendapt.core.figures import Quality


def test_the_sentence_names_strategy_confidence_margin_and_price(seen):
    view = seen(patients=0.012)
    assert view.plain == view.panels[0].plain
    assert view.plain.startswith("Take partial2: over 99% sure to be within 0.02 AUC of the best")
    assert view.plain.endswith(", for 33% of the training FLOPs of full DAPT.")


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ({"none": (0.93, 0, 0.0)}, "Do not adapt: no DAPT is over 99% sure"),
        ({"none": (0.93, 0, 0.0)}, "; full DAPT is credibly worse."),
        ({"full": (0.97, 0, 46.0)}, "Take full DAPT: over 99% sure"),
    ],
)
def test_no_dapt_and_full_dapt_are_called_what_they_are(seen, run_writer, levels, said):
    assert said in seen(levels=run_writer.levels | levels).plain


def test_undecided_says_between_what_and_what_would_decide(seen):
    view = seen(noise=0.05, seeds=2)
    assert view.panels[0].verdict.kind == "undecided"
    assert view.plain.startswith("Undecided: ")
    assert "would" in view.plain


def test_several_settings_share_a_headline_and_keep_a_sentence_each(seen):
    view = seen(shots=[5, "full"], patients=0.01)
    assert view.plain == view.headline
    assert all(panel.plain.startswith("Take ") for panel in view.panels)


def test_what_leaks_stands_in_the_sentence(seen):
    view = seen(notes=[{"text": "Half of the test images are in the pool.", "gravity": "leak"}])
    assert view.plain.endswith("are in the pool: these figures are not to be believed.")


def test_tiles_are_quality_energy_against_full_and_the_external_score(seen):
    quality, energy, external = seen().panels[0].tiles
    assert quality.title == "Development AUC, partial2"
    assert quality.value.startswith("0.9")
    assert quality.notes[1].endswith("against full DAPT")
    assert (energy.title, energy.value) == ("Energy against full DAPT", "−67%")
    assert energy.notes[-1] == "estimated; training FLOPs, exact: −67%"
    assert external.title == "External hospital_b AUC, partial2"


def test_tiles_say_what_is_missing(seen):
    _, energy, external = seen(external={}, quality=Quality.UNAVAILABLE).panels[0].tiles
    assert "n/a" in (energy.value, energy.notes[0])
    assert external.value == "not tested"


def test_caveats_have_a_line_of_their_subjects(seen):
    view = seen(seeds=1, notes=[{"text": "The pool and b are of one source.", "gravity": "weak"}])
    assert view.caveats_in_short == (
        "synthetic data, data warnings, few seeds, energy estimated, default grid"
    )
    assert len(view.caveats) == 5
