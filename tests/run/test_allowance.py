"""A stage begins only where its prediction fits into what is left."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.accounting.grid import Grid
from greendapt.accounting.grid import grid as make_grid
from greendapt.core.errors import RunError
from greendapt.core.figures import Figure
from greendapt.core.records import Kind, Record
from greendapt.run.allowance import (
    UNSEEN,
    USUAL,
    Allowance,
    Price,
    Standing,
    Terms,
    identity,
)
from greendapt.run.budget import Budget

BEGUN = "2026-01-01T12:00:00+00:00"
KINDS = (Kind.ADAPT, Kind.PROBE, Kind.EVALUATE)


def at(second):
    return datetime.fromtimestamp(datetime.fromisoformat(BEGUN).timestamp() + second, UTC)


def record(key, seconds, price=None, second=1, **more):
    """Of a stage that took so many seconds, and ten joules each; None: it left no figures."""
    price = price or Price("title", Kind.ADAPT, 1.0)
    figures = {} if seconds is None else {
        "wall_s": Figure.measured(seconds, "s", "test"),
        "energy_j": Figure.measured(10 * seconds, "J", "test"),
    }  # fmt: skip
    fields = {"role": "adaptation", "figures": figures} | more
    return Record(
        key=key, kind=price.kind, title=price.title, started_at=at(second).isoformat(), **fields
    )


def allowance(limit, prices, unit="s", grid=make_grid, **more):
    terms = Terms(Budget(limit, unit), prices, BEGUN, **more)
    return Allowance(terms, lambda _work: grid())


def alike(name, amount, title="title", kind=Kind.ADAPT):
    return {f"{name}{n}": Price(title, kind, amount) for n in range(3)}


def prediction(prices, records, key):
    """As it is told in the docs: alike, else by its kind, else as planned."""
    price = prices[key]
    pairs = [(prices[one.key], one.value("wall_s")) for one in records]
    same = [s for p, s in pairs if (p.title, p.amount) == (price.title, price.amount)]
    kind = [(s, p.amount) for p, s in pairs if p.kind == price.kind]
    if same:
        return sum(same) / len(same)
    if kind:
        return price.amount * sum(s for s, _ in kind) / sum(a for _, a in kind)
    return price.amount


SECONDS = st.floats(0.01, 100)
STAGES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(KINDS), st.sampled_from([1.0, 5.0]), SECONDS),
    min_size=1,
    max_size=12,
)


@given(stages=STAGES, limit=st.floats(0.1, 300), order=st.randoms(use_true_random=False))
def test_whatever_the_order_no_stage_begins_that_is_predicted_to_take_more_than_is_left(
    stages, limit, order
):
    prices = {f"k{n}": Price(t, kind, a) for n, (t, kind, a, _) in enumerate(stages)}
    took = {f"k{n}": seconds for n, (*_, seconds) in enumerate(stages)}
    asked, records = allowance(limit, prices), []
    for key in order.sample([*prices], len(prices)):
        spent = sum(one.value("wall_s") for one in records)
        expected = prediction(prices, records, key)
        assert asked.spent(records) == pytest.approx(spent)
        assert asked.rest([key], records) == pytest.approx(expected)
        if not asked.allows(key, records):
            continue
        assert spent + expected <= limit + 1e-9
        records.append(record(key, took[key], prices[key]))
        over = asked.spent(records) - limit
        assert over <= max(0.0, took[key] - expected) + 1e-9


def test_a_stage_of_another_seed_costs_what_the_first_took():
    prices = alike("k", 1.0)
    records = [record("k0", 8.0, prices["k0"])]
    asked = allowance(100, prices)
    assert asked.rest(["k1"], records) == pytest.approx(8.0)
    assert asked.most("k1", records) == pytest.approx(8 * (1 + UNSEEN))


def test_another_one_of_its_kind_as_much_more_than_planned():
    prices = {**alike("k", 2.0), **alike("other", 10.0, title="longer")}
    records = [record("k0", 3.0, prices["k0"])]
    assert allowance(100, prices).rest(["other0"], records) == pytest.approx(15.0)


def test_before_two_of_its_kind_a_half_is_added_then_a_quarter():
    prices = alike("k", 4.0)
    assert allowance(4 * (1 + UNSEEN) + 1e-6, prices).allows("k0", [])
    assert not allowance(4 * (1 + UNSEEN) - 1e-6, prices).allows("k0", [])
    records = [record("k0", 4.0, prices["k0"]), record("k1", 4.0, prices["k1"])]
    assert allowance(8 + 4 * (1 + USUAL) + 1e-6, prices).allows("k2", records)
    assert not allowance(8 + 4 * (1 + USUAL) - 1e-6, prices).allows("k2", records)


def test_twice_what_predictions_of_its_kind_missed_by_is_added():
    """Each from the other: 9 where 11 came, and the reverse."""
    prices = {**alike("k", 1.0), **alike("t", 1.0, "other", Kind.PROBE)}
    records = [record("k0", 9.0, prices["k0"]), record("k1", 11.0, prices["k1"])]
    records += [record("t0", 1.0, prices["t0"]), record("t1", 1.0, prices["t1"])]
    asked = allowance(100, prices)
    assert asked.most("k2", records) == pytest.approx(10 * (1 + 2 * 0.2))
    assert asked.most("t2", records) == pytest.approx(1 + USUAL)


def test_what_others_are_at_counts_as_predicted():
    prices = alike("k", 4.0)
    asked = allowance(9.0, prices)  # 6 a stage, what may come on top of the 4 that are planned
    assert asked.allows("k0", [])
    assert not asked.allows("k0", [], held=["k1"])
    assert asked.allows("k0", [], held=["of another plan"])


def test_a_rule_may_end_a_stage_early_and_the_next_one_not():
    price = Price("title", Kind.ADAPT, 10.0, at_most=True)
    prices = {"k0": price, "k1": price}
    records = [record("k0", 1.0, price)]
    assert allowance(100, prices).rest(["k1"], records) == 10.0
    assert not allowance(15.5, prices).allows("k1", records)


def test_only_what_this_command_did_is_spent():
    prices = alike("k", 1.0)
    old = record("k0", 50.0, second=-9)
    records = [
        old,
        record("k1", 70.0, reused=True),
        record("weights", 90.0, second=-9, role="sunk"),  # of an earlier run, from the cache
        record("made", 3.0, role="sunk"),
        record("k2", 2.0),
    ]
    asked = allowance(100, prices, before=frozenset([identity(old)]), timed=(1.5, 1.5))
    assert asked.spent(records) == pytest.approx(6.5)


def test_a_stage_that_ran_twice_was_paid_twice_and_one_that_failed_as_planned():
    prices = alike("k", 4.0)
    again = [record("k0", 2.0), record("k0", 3.0, second=5)]
    failed = record("k1", None, status="failed")
    assert allowance(100, prices).spent([*again, failed]) == pytest.approx(9.0)


def test_records_of_another_machine_say_nothing_of_this_one():
    prices = alike("k", 4.0)
    old = record("k0", 50.0, prices["k0"], second=-9)
    terms = {"before": frozenset([identity(old)]), "comparable": False}
    assert allowance(100, prices, **terms).rest(["k1"], [old]) == 4.0
    assert allowance(100, prices, before=terms["before"]).rest(["k1"], [old]) == 50.0


def test_grams_are_those_of_the_grid():
    prices = alike("k", 3.6e6)
    asked = allowance(1000, prices, "g", lambda: Grid(300.0, 2.0, "test"), timed=(9.0, 1.8e6))
    done = record("k0", 3.6e5, prices["k0"])
    assert asked.rest(["k1"], []) == pytest.approx(600)
    assert asked.spent([done]) == pytest.approx(900)
    assert not asked.allows("k1", [done])


def test_an_hour_without_an_intensity_ends_it():
    asked = allowance(1, alike("k", 1.0), "g", lambda: Grid(None, 1.0, "hours are missing"))
    with pytest.raises(RunError, match="hours are missing"):
        asked.allows("k0", [])


def standing(limit, following):
    return Standing(Budget(limit, "s"), 3.0, 99.0, "a stage, seed 0", following, 2, 5)


@pytest.mark.parametrize(("limit", "following", "option"), [(60, 50, 60), (60, 123.4, 130)])
def test_it_says_how_to_go_on_with_enough_for_the_next_stage(limit, following, option):
    first, second = standing(limit, following).sentences("runs/one")
    assert first.startswith("stopped before a stage, seed 0, which may take ")
    assert first.endswith(": spent 3.0 s of 1 min 00 s")
    assert second == (
        "2 of 5 cells are done; the rest would take about 1 min 39 s; go on with: greendapt resume "
        f"runs/one --budget {option}s"
    )


def test_of_a_finished_run_it_says_what_was_spent():
    whole = replace(standing(60, 0.0), stopped_before=None)
    assert whole.sentences("runs/one") == ["spent 3.0 s of 1 min 00 s"]


def test_what_need_not_run_costs_nothing():
    prices = {"k0": Price("weights", Kind.PRETRAIN, 0.0)}
    old = record("k0", 90.0, prices["k0"], second=-9, role="sunk")
    assert allowance(1e-6, prices).allows("k0", [old])
