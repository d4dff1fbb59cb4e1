"""What the guide says of races on recorded runs is what the recorded runs say."""

from pathlib import Path

import fidelities_table
import pytest
import race_settings
import record_races
import replay_table
from race_rivals import RIVALS, bought

import greendapt

GUIDE = Path(__file__).parents[2] / "docs" / "recommend.md"


@pytest.fixture(scope="module")
def questions():
    return replay_table.questions()


@pytest.mark.parametrize("dataset", ["kermany", "nih"])
def test_the_guides_line_is_what_a_recording_gives(questions, agrees, dataset):
    """20 races here, 80 there."""
    of = next(one for one in questions if one.question.dataset == dataset)
    table = replay_table.by_question([replay_table.gone(of, questions, 20)])
    for shares in (slice(3, 5), slice(6, 8)):
        agrees(GUIDE, table, 2, shares, 20)


def test_the_guide_has_every_recording(questions):
    text = GUIDE.read_text(encoding="utf-8")
    for dataset, backbone, _, shots in (one.question for one in questions):
        assert f"| {dataset}, {backbone}, {shots} |" in text
    assert f"{replay_table.RACES * len(questions):,} races" in text


def test_the_guide_says_what_a_part_of_a_training_tells(questions):
    assert fidelities_table.table(questions) in GUIDE.read_text(encoding="utf-8")


def test_a_race_that_never_gives_up_decides_more_often_and_leaves_no_trace(questions):
    of = [one for one in questions if one.question.dataset == "phantom 0.95"]
    as_it_is, never = (race_settings.SETTINGS[name] for name in ("as it is", "never gives up"))
    before, changed, after = (race_settings.raced(one, of) for one in (as_it_is, never, as_it_is))
    assert before == after
    assert sum(one.is_sure for one in changed) > sum(one.is_sure for one in before)


@pytest.mark.parametrize("name", RIVALS)
def test_no_rival_spends_more_than_the_race(questions, name):
    for of in questions[::4]:
        assert bought(of, RIVALS[name], of.seeds, 0.15).cost < 0.15 + 1e-6


def test_the_recordings_are_those_of_the_script(tmp_path):
    assert {path.stem for path in record_races.REPLAY.glob("*.csv")} == {*record_races.RECORDINGS}
    phantoms = record_races.RECORDINGS["phantom-resnet"].data.data(tmp_path, tmp_path)
    suite = greendapt.load_suite(record_races.SUITE, changes={"data": phantoms})
    assert suite.data.external[record_races.TRUTH].images == 600
