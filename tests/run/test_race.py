"""More seeds only for strategies that may still be the best buy, from the records alone."""

import pytest

from greendapt.accounting.grid import grid
from greendapt.core.figures import Figure
from greendapt.core.records import METERED_UNITS
from greendapt.run.ground import Digests
from greendapt.run.plan import cells, stages
from greendapt.run.race import due
from greendapt.run.summary import summarize
from greendapt.suite.suite_files import load

DIGESTS = Digests({None: "pool"}, {None: ("development", "external")}, {"test_resnet": "weights"})
OFFSETS = (-0.04, 0.05, -0.02, 0.03, -0.03, 0.02, 0.01)


@pytest.fixture
def suite(tiny):
    return load(tiny, changes=[{"run": {"seeds": {"from": 3, "to": 6}, "base_seed": 40}}])


@pytest.fixture
def possible(suite):
    return cells(suite, DIGESTS)


def records(of, levels, noise, failed=()):
    """Of every stage of some cells: AUCs of these levels, moved by the seed."""
    done = {}
    for place, cell in enumerate(of):
        for stage in cell.stages:
            figures = {n: Figure.measured(1.0, unit, "test") for n, unit in METERED_UNITS.items()}
            auc = levels[cell.strategy] + noise * OFFSETS[(3 * place + cell.seed) % len(OFFSETS)]
            done[stage.key] = stage.record(
                "2026-01-01T00:00:00+00:00",
                figures=figures,
                status="failed" if cell.strategy in failed else "done",
                metrics={"development": {"auc": auc}} if stage.kind == "evaluate" else {},
            )
    return done


def asked(suite, possible, done, entering=()):
    def summary_of(some):
        planned = [cell.planned for cell in some]
        return summarize(suite, planned, done, grid(None, 100, 1.0), synthetic=True, notes=[])

    waves = entering or [suite.run.strategies]
    return due(suite, possible, done, summary_of, waves)


def by_strategy(of):
    return {
        name: sorted(cell.seed for cell in of if cell.strategy == name)
        for name in dict.fromkeys(cell.strategy for cell in of)
    }


def test_the_first_look_is_for_all(suite, possible):
    now = asked(suite, possible, {})
    assert by_strategy(now) == {key: [40, 41, 42] for key in ("none", "full", "partial")}
    half = records(now[:4], dict.fromkeys(("none", "full", "partial"), 0.8), 0)
    assert asked(suite, possible, half) == now


def test_a_decided_run_ends_at_its_first_look(suite, possible):
    now = asked(suite, possible, {})
    done = records(now, {"none": 0.5, "partial": 0.7, "full": 0.8}, 0.01)
    assert asked(suite, possible, done) == now


def test_an_open_run_goes_on_with_those_in_the_race_up_to_the_last_look(suite, possible):
    levels, seen = {"none": 0.1, "partial": 0.8, "full": 0.8}, []
    now = asked(suite, possible, {})
    while len(now) not in seen:
        seen.append(len(now))
        now = asked(suite, possible, records(now, levels, 2.0))
    assert seen == [9, 13, 15]
    assert by_strategy(now) == {
        "none": [40, 41, 42],
        "full": [40, 41, 42, 43, 44, 45],
        "partial": [40, 41, 42, 43, 44, 45],
    }


def test_failed_cells_are_over_and_judged_no_more(suite, possible):
    now = asked(suite, possible, {})
    levels = {"none": 0.5, "partial": 0.7, "full": 0.8}
    assert asked(suite, possible, records(now, levels, 0.01, failed=("full",))) == now
    every = records(now, levels, 0.01, failed=("full", "none", "partial"))
    assert asked(suite, possible, every) == now


def test_a_fixed_number_of_seeds_has_one_look(tiny):
    fixed = load(tiny, changes=[{"run": {"seeds": 2}}])
    possible = cells(fixed, DIGESTS)
    assert asked(fixed, possible, {}) == possible
    assert asked(fixed, possible, records(possible, dict.fromkeys(fixed.strategy, 0.8), 1)) == (
        possible
    )
    assert len(stages(possible)) > len(possible)


@pytest.fixture
def racing(tiny):
    return load(tiny, changes=[{"run": {"seeds": {"from": 1, "to": 6}}}])


WAVES = [["none"], ["partial"], ["full"]]


def race(suite, levels, noise=0.1):
    """Seeds by strategy, look by look, until nothing more is due."""
    possible, looks = cells(suite, DIGESTS), []
    now = asked(suite, possible, {}, WAVES)
    while not looks or by_strategy(now) != looks[-1]:
        looks.append(by_strategy(now))
        now = asked(suite, possible, records(now, levels, noise), WAVES)
    return looks


def test_a_race_begins_with_one_seed_of_the_cheapest(racing):
    looks = race(racing, {"none": 0.5, "partial": 0.7, "full": 0.9})
    assert looks[:3] == [
        {"none": [0]},
        {"none": [0], "partial": [0]},
        {"none": [0], "full": [0], "partial": [0]},
    ]
    assert len(looks) == 3, "one seed tells differences of .2"


def test_nothing_enters_where_nothing_can_be_better(racing):
    assert race(racing, {"none": 0.999, "partial": 0.999, "full": 0.999}, 0) == [{"none": [0]}]
    assert race(racing, {"none": 0.5, "partial": 0.999, "full": 0.999}, 0) == [
        {"none": [0]},
        {"none": [0], "partial": [0]},
    ]


def test_who_cannot_be_the_best_buy_leaves_and_the_others_go_on(racing):
    last = race(racing, {"none": 0.3, "partial": 0.80, "full": 0.81})[-1]
    assert last["none"] == [0]
    assert len(last["partial"]) > 1
    assert last["partial"] == last["full"]


def test_a_race_goes_on_as_it_would_have(racing):
    possible = cells(racing, DIGESTS)
    levels = {"none": 0.3, "partial": 0.80, "full": 0.81}
    now = asked(racing, possible, records(asked(racing, possible, {}, WAVES), levels, 0.1), WAVES)
    assert by_strategy(now) == {"none": [0], "partial": [0]}
    half = records(now[:1], levels, 0.1)
    assert asked(racing, possible, half, WAVES) == now
