"""``--budget``: a run stops before the stage that it has no money for, and goes on with more."""

import json
import re

import pytest

from greendapt.run.budget import parse_budget

pytestmark = pytest.mark.e2e

DEAR = "phase 2 (all, 2 epochs), seed 0"
S = 1e6


@pytest.fixture(scope="module")
def planned(in_process, tiny, tmp_path_factory, only_run):
    """A cache with a plan in which one stage, the second of the second strategy, takes eleven days;
    and the output and the run of the command that left it."""
    folder = tmp_path_factory.mktemp("planned")
    cache, runs = folder / "cache", folder / "runs"
    options = ("--suite", tiny, "--out", runs, "--device", "cpu", "--budget", "0.01s")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENDAPT_CACHE", str(cache))
        done = in_process("bench", *options)
    (path,) = (cache / "plans").iterdir()
    plan = json.loads(path.read_bytes())
    (dear,) = (one for one in plan["stages"] if one["label"].endswith(DEAR))
    dear |= {"wall_s": S, "energy_j": 100 * S}
    path.write_text(json.dumps(plan), encoding="utf-8")
    return cache, done, only_run(runs)


@pytest.fixture
def asked(planned, tiny, tmp_path, monkeypatch):
    """Options of the suite whose plan that is."""
    monkeypatch.setenv("GREENDAPT_CACHE", str(planned[0]))
    return "--suite", tiny, "--out", tmp_path / "runs", "--device", "cpu"


def newest(out):
    return max(out.glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns).parent


def told(done):
    """Where it stopped, and what the rest would take: two lines before the verdict."""
    lines = done.out.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("stopped before"))
    return lines[at : at + 2]


def metrics(run):
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return [json.dumps([row["strategy"], row["metrics"]]) for row in rows]


def test_what_finding_prices_takes_is_spent(planned):
    """More than all there is: the run stops before anything."""
    _, done, run = planned
    assert done.code == 0, done.err
    assert "looking first what the stages take" in done.err
    first, second = told(done)
    assert first.startswith("stopped before features of none, seed 0, which may take ")
    assert second.startswith("0 of 3 cells are done; the rest would take about ")
    then = re.search(r"greendapt resume (.+) --budget (.+)$", second)
    assert then[1] == str(run)
    assert parse_budget(then[2]).limit > 0.01  # what the next stage may take
    assert not (run / "summary.json").exists()


def test_it_stops_says_where_and_goes_on(greendapt, asked, tmp_path, finished_run):
    done = greendapt("bench", *asked, "--budget", "2h")
    assert done.code == 0, done.err
    assert "looking first" not in done.err  # the kept plan spares it
    run = newest(tmp_path / "runs")
    first, second = told(done)
    assert first.startswith(f"stopped before test_resnet {DEAR}, which may take ")
    assert first.endswith(" of 2 h 00 min")
    assert second.startswith("1 of 3 cells are done; the rest would take about ")
    assert not (run / "summary.json").exists()
    assert "Interim: 1 of 3 cells are done" in (run / "report.md").read_text(encoding="utf-8")
    again = greendapt("resume", run, "--budget", "2h", "--json")
    assert again.code == 0, again.err
    answer = json.loads(again.out)
    assert [row["strategy"] for row in answer["summary"]["rows"]] == ["none"]
    budget = answer["budget"]
    assert budget["stopped_before"] == f"test_resnet {DEAR}"
    assert (budget["unit"], budget["limit"], budget["spent"]) == ("s", 7200.0, 0.0)
    assert (budget["cells_done"], budget["cells"]) == (1, 3)
    assert budget["rest"] > S / 9
    enough = greendapt("resume", run, "--budget", f"{1e9 * S}h")
    assert enough.code == 0, enough.err
    assert "\nspent " in enough.out
    assert metrics(run) == metrics(finished_run)


@pytest.mark.usefixtures("powercap_that_counts")
@pytest.mark.parametrize("budget", ["1kWh", "1kg"])
def test_energy_and_grams_stop_it_there_too(greendapt, asked, tmp_path, budget):
    done = greendapt("bench", *asked, "--budget", budget, "--json")
    assert done.code == 0, done.err
    budget = json.loads(done.out)["budget"]
    assert budget["stopped_before"] == f"test_resnet {DEAR}"
    assert 0 < budget["spent"] < budget["limit"] < budget["rest"]
    records = (newest(tmp_path / "runs") / "records.jsonl").read_bytes().splitlines()
    joules = sum(json.loads(line)["figures"]["energy_j"]["value"] for line in records)
    if budget["unit"] == "J":
        assert budget["spent"] == pytest.approx(joules)


def test_workers_keep_it_together(greendapt, asked, tmp_path, finished_run):
    local = ("--executor", "local", "--workers", "2")
    done = greendapt("bench", *asked, *local, "--budget", "2h")
    assert done.code == 0, done.err
    run = newest(tmp_path / "runs")
    assert told(done)[0].startswith(f"stopped before test_resnet {DEAR}")
    assert not any((run / "claims").iterdir())
    assert not (run / "summary.json").exists()
    enough = greendapt("resume", run)
    assert enough.code == 0, enough.err
    assert metrics(run) == metrics(finished_run)


def test_one_that_is_enough_changes_nothing(greendapt, asked, tmp_path, finished_run):
    done = greendapt("bench", *asked, "--budget", f"{1e9 * S}h", "--json")
    assert done.code == 0, done.err
    budget = json.loads(done.out)["budget"]
    assert budget["stopped_before"] is None
    assert budget["rest"] == 0
    assert metrics(newest(tmp_path / "runs")) == metrics(finished_run)


@pytest.mark.parametrize("budget", ["0g", "-1g", "nan g", "1e400s", "50", "5 dollars"])
def test_what_is_no_budget_is_one_sentence(greendapt, tiny, tmp_path, budget):
    done = greendapt("bench", "--suite", tiny, "--out", tmp_path / "runs", "--budget", budget)
    assert done.code == 2
    assert done.err.startswith(f"greendapt: --budget {budget}: ")
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
