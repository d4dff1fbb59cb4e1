"""What a prediction takes, costs over a network's life, and where two strategies change places."""

import pytest

from greendapt.accounting.lifetime import once
from greendapt.core.errors import RunError
from greendapt.core.figures import Figure, Quality
from greendapt.core.records import Pace, Record, UseDetails
from greendapt.report.formats.markdown import render_markdown
from greendapt.report.report_files import load_run, on_grid
from greendapt.report.view.columns import Place, columns
from greendapt.report.view.from_run import view
from greendapt.report.view.in_use import Life, break_even

# joules an image; the cut network needs a fifth
USES = {"full": 10.0, "cut3": 2.0}


def _use(joules):
    def pace(batch, times):
        energy = Figure(value=joules * times, unit="J", quality=Quality.MEASURED, source="a test")
        return Pace(
            batch=batch, passes=9, median_ms=20, p95_ms=30, wall_s=joules / 40, energy_j=energy
        )

    return UseDetails(flops=int(joules * 4.1e9), bytes=int(1e7), paces=(pace(1, 2), pace(8, 1)))


@pytest.fixture
def used(run_writer, monkeypatch):
    """A simplified strategy that is as good as full DAPT, and takes more to adapt."""
    run_writer.strategies = [*USES]
    run_writer.levels = {"full": (0.92, 0.05, 46.0), "cut3": (0.92, 0.05, 95.0)}
    run_writer.noise = 0.001
    run_writer.quality = Quality.MEASURED
    rows, records = run_writer.row, run_writer.records

    def row(strategy, *where):
        made = rows(strategy, *where)
        return made.model_copy(update={"stages": [*made.stages, f"use {strategy}"]})

    def with_use():
        yield from records()
        for name, joules in USES.items():
            record = run_writer.record(f"use {name}", "use", f"{name} in use", 5.0)
            more = {"kind": "use", "details": _use(joules).model_dump()}
            yield Record.model_validate(record.model_dump(by_alias=True) | more)

    monkeypatch.setattr(run_writer, "row", row)
    monkeypatch.setattr(run_writer, "records", with_use)
    folder = run_writer.write()
    return lambda predictions=None: load_run(folder, None, predictions)


def _cost(run, strategy, key="energy_j"):
    return [getattr(row, key).value for row in run.summary.rows if row.strategy == strategy]


def test_what_is_dear_to_adapt_and_cheap_to_use_loses_at_first_and_wins_in_the_end(used):
    buys = {n: view(used(n)).panels[0].verdict.buy for n in (0, 100_000)}
    assert buys == {0: "full", 100_000: "cut3"}


def test_a_cost_is_adaptation_transfer_and_so_many_predictions(used):
    plain, long = used(), used(1000)
    for name, joules in USES.items():
        for before, after in zip(_cost(plain, name), _cost(long, name), strict=True):
            assert after == pytest.approx(before + 1000 * joules)
        flops = zip(*(_cost(run, name, "training_flops") for run in (plain, long)), strict=True)
        assert all(after == pytest.approx(b + 1000 * joules * 4.1e9) for b, after in flops)
        grams = zip(*(_cost(run, name, "carbon_g") for run in (plain, long)), strict=True)
        assert all(after == pytest.approx(b + joules / 3.6 * 0.481) for b, after in grams)
    assert [once(row) for row in long.summary.rows] == [once(row) for row in plain.summary.rows]


def test_grams_by_image_trained_on_stay_those_of_training(used):
    score = [row.sci_image_g for row in on_grid(used(), None, 0).summary.rows]
    assert [row.sci_image_g for row in on_grid(used(), None, 10**6).summary.rows] == score


def test_grams_a_prediction_are_those_of_one_image_whatever_their_number(used):
    for predictions in (0, 1000):
        for name, joules in USES.items():
            scores = _cost(on_grid(used(), None, predictions), name, "sci_prediction_g")
            assert scores == pytest.approx([joules / 3.6e6 * 481] * 3)


def test_another_number_takes_the_place_of_the_first(used):
    twice = on_grid(used(100_000), None, 10)
    assert _cost(twice, "full") == pytest.approx(_cost(used(10), "full"))


def test_the_report_says_what_costs_are_of(used):
    text = render_markdown(view(used(100_000)))
    assert "adaptation, transfer and 100,000 predictions" in text
    assert "predictions" not in " ".join(view(used()).caveats)


def test_what_trains_nothing_is_not_called_training(used):
    titles = [
        {one.titles.get(Place.PAGE) for one in columns(run.panels[0], "carbon_g", Place.PAGE)}
        for run in (view(used()), view(used(10)))
    ]
    assert "Training FLOPs" in titles[0] - titles[1]
    assert "FLOPs" in titles[1] - titles[0]


def test_break_even_is_the_arithmetic_of_a_hand(used):
    (section,) = [one for one in view(used()).sections if one.key == "use"]
    networks, changes = section.tables
    assert [row[1] for row in networks[1:]] == ["full", "cut3"]
    assert networks[1][6] == "8"  # the cheapest batch
    (line,) = changes[1:]
    full, cut = (sum(_cost(used(), name)) / 3 for name in USES)
    by_hand = (cut - full) / 8
    assert line[1:3] == ("full", "cut3")
    assert float(line[3].replace(",", "")) == pytest.approx(by_hand, rel=0.05)


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ((100.0, 10.0), (900.0, 2.0), 100.0),
        ((900.0, 2.0), (100.0, 10.0), None),
        ((100.0, 2.0), (900.0, 2.0), None),
        ((100.0, 2.0), (100.0, 1.0), None),
    ],
)
def test_two_strategies_change_places_or_never_do(one, other, count):
    lives = [Life("it", {"energy_j": a}, {"energy_j": b}) for a, b in (one, other)]
    assert break_even(*lives, "energy_j") == count
    assert break_even(*lives, "training_flops") is None


def test_a_run_that_measured_no_use_cannot_be_asked(written):
    with pytest.raises(RunError, match="did not measure"):
        on_grid(written(), None, 10)
