"""``greendapt bench --intensity FILE.csv``: a grid that is known hour by hour."""

import json
from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def hours(tmp_path):
    """``hours(80, 80, 9)``: gCO2e/kWh of this hour and those that follow; ``day``: of another."""

    def write(*values, day=None):
        begun = day or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        lines = [f"{(begun + timedelta(hours=n)).isoformat()},{g}" for n, g in enumerate(values)]
        path = tmp_path / "hours.csv"
        path.write_text("\n".join(["time,intensity", *lines]) + "\n")
        return path

    return write


@pytest.fixture
def bench(greendapt, tiny, tmp_path, only_run):
    def run(*arguments, suite=tiny):
        out = tmp_path / "runs"
        done = greendapt(
            "bench", "--suite", suite, "--out", out, "--strategies", "none", *arguments
        )
        return done, only_run(out) if out.exists() else None

    return run


def read(run):
    info, summary = (json.loads((run / f"{name}.json").read_text()) for name in ("run", "summary"))
    return info["grid"], summary["rows"]


def test_its_hours_are_those_of_the_run(bench, hours, greendapt):
    done, run = bench("--intensity", hours(80, 80, 9, 9), "--pue", "1.5")
    assert done.code == 0, done.err
    grid, rows = read(run)
    assert grid["intensity_g_per_kwh"] == pytest.approx(80)
    assert "hours as given from" in grid["source"]
    assert "cleanest of these for" in grid["source"]
    for row in rows:
        grams = row["energy_j"]["value"] * 1.5 * 80 / 3.6e6
        assert row["carbon_g"]["value"] == pytest.approx(grams)
    assert "cleanest of these" in (run / "report.md").read_text()
    assert greendapt("resume", run).code == 0
    assert read(run) == (grid, rows)


def test_hours_that_it_lacks_leave_grams_unknown_and_all_else_known(bench, hours, greendapt):
    past = hours(80, 80, day=datetime(2020, 1, 1, tzinfo=UTC))
    done, run = bench("--intensity", past)
    assert done.code == 0, done.err
    grid, (row,) = read(run)
    assert grid["intensity_g_per_kwh"] is None
    assert row["carbon_g"]["value"] is None
    assert "hours are missing" in row["carbon_g"]["source"]
    assert row["energy_j"]["value"] > 0
    assert "no intensity, so no grams" in (run / "report.md").read_text()
    done = greendapt("report", run, "--intensity", hours(50, 50), "--format", "csv")
    assert done.code == 0, done.err
    assert "50" in (run / "report.csv").read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [("t,g\nnoon,1\nlater,2\n", "line 2: it needs a time"), (None, "neither a number nor a CSV")],
)
def test_a_file_that_is_none_is_refused_before_anything_runs(bench, tmp_path, text, words):
    path = tmp_path / "hours.csv"
    if text is not None:
        path.write_text(text)
    done, run = bench("--intensity", path)
    assert done.code == 2
    assert words in done.err
    assert run is None


def test_a_suite_names_one_beside_itself_and_a_number_wins(bench, hours, tiny, tmp_path):
    hours(80, 80)
    own = tmp_path / "own.toml"
    carbon = '[carbon]\nintensity_g_per_kwh = "hours.csv"\n'
    own.write_text(tiny.read_text().replace("[fractal]", f"{carbon}[fractal]"))
    done, run = bench("--intensity", "60", suite=own)
    assert done.code == 0, done.err
    assert read(run)[0]["source"].startswith("60 gCO2e/kWh as stated")


def test_plan_tells_when_it_would_be_cleanest(greendapt, tiny, hours, tmp_path):
    done = greendapt(
        "plan", "--suite", tiny, "--out", tmp_path, "--device", "h100", "--intensity",
        hours(*[80] * 5, 9),
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "carbon: 80 gCO2e/kWh, hours as given from" in done.out
    assert "9 gCO2e/kWh" in done.out
