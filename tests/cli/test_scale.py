"""Pools by strategy and tasks by transfer: which stages are shared, and what the report says."""

import json
import re

import pytest

pytestmark = pytest.mark.e2e

SUITE = """
[run]
strategies = ["none", "few", "some", "many", "other"]
transfers = ["probe", "shapes"]
seeds = 2
[data.pools.few]
domain = "chest"
data = { source = "merged", fraction = 0.4, sources = [{ source = "phantom", images = 80 }] }
[data.pools.some]
domain = "chest"
data = { source = "phantom", images = 80 }
[data.pools.many]
domain = "chest"
data = { source = "phantom", images = 160 }
[data.pools.other]
domain = "fractals"
data = { source = "fractal", classes = 4, images = 80 }
[data.targets.shapes.development]
source = "fractal"
classes = 3
images = 90
seed = 5
[strategy.few]
pool = "few"
phases = ["adapt"]
[strategy.some]
pool = "some"
phases = ["adapt"]
[strategy.many]
pool = "many"
phases = ["adapt"]
[strategy.other]
pool = "other"
phases = ["adapt"]
[transfer.shapes]
kind = "probe"
target = "shapes"
epochs = 3
learning_rate = 1e-3
"""


@pytest.fixture(scope="module")
def scaled(tiny, tmp_path_factory, in_process, only_run):
    folder = tmp_path_factory.mktemp("scale")
    text = tiny.read_text(encoding="utf-8")
    text = re.sub(r"(?ms)^\[run\]\n.*?^fast_step", "[run]\nfast_step", text, count=1)
    run, rest = SUITE.split("[data.pools.few]", 1)
    text = text.replace("[run]\n", run.lstrip(), 1)
    head, profile = text.split("[profile.long]")
    suite = folder / "scale.toml"
    suite.write_text(f"{head}[data.pools.few]{rest}[profile.long]{profile}", encoding="utf-8")
    done = in_process("bench", "--suite", suite, "--out", folder / "runs")
    assert done.code == 0, done.err
    return suite, only_run(folder / "runs")


def records(run, kind):
    lines = (run / "records.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["kind"] == kind]


def test_each_pool_is_adapted_to_once_for_all_tasks(scaled):
    _, run = scaled
    adapted = [one["label"] for one in records(run, "adapt")]
    assert len(adapted) == len(set(adapted)) == 4 * 2
    assert len(records(run, "evaluate")) == 5 * 2 * 2
    costs = {}
    for one in records(run, "adapt"):
        pool = re.search(r" on (\w+), seed", one["label"])[1]
        costs.setdefault(pool, set()).add(one["figures"]["training_flops"]["value"])
    assert all(len(found) == 1 for found in costs.values())
    few, some, many = (min(costs[name]) for name in ("few", "some", "many"))
    assert few < some < many


def test_each_task_has_its_own_classes_and_tests(scaled):
    _, run = scaled
    data = json.loads((run / "run.json").read_text(encoding="utf-8"))["data"]
    assert data["targets"]["shapes"]["development"]["images"] == 90
    assert data["pools"]["many"]["images"] > data["pools"]["some"]["images"] == 80
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    tested = {row["transfer"]: row["metrics"] for row in rows}
    assert set(tested["probe"]["external"]) == {"b"}
    assert tested["shapes"]["external"] == {}
    assert len(data["targets"]["shapes"]["development"]["classes"]) == 3


def test_the_report_has_the_laws_of_scale(scaled):
    _, run = scaled
    text = (run / "report.md").read_text(encoding="utf-8")
    section = re.search(r"(?ms)^## Scale$.*?^## ", text)[0]
    told = r"probe, all labels \| chest \| no law can be told \| no law can be told \|"
    assert re.search(told, section)  # three sizes
    assert "few less other" not in section  # of another size: no equal compute
    assert "some less other" in section
    assert re.search(r"\| many \| 160 \| 0\.\d+ \| (no gain|[\d.]+ \w?J) \|", section)
    assert '<h2 id="scale">Scale</h2>' in (run / "report.html").read_text(encoding="utf-8")


def test_a_plan_knows_pools_and_tasks(scaled, greendapt):
    suite, run = scaled
    done = greendapt("plan", "--suite", suite, "--device", "h100", "--json")
    assert done.code == 0, done.err
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    assert json.loads(done.out)["cells"] == len(rows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("strategy.few.pool='gone'", "strategy.few.pool: there is no 'gone' (there is: few, some"),
        (
            "transfer.shapes.target='x'",
            "transfer.shapes.target: there is no 'x' (there is: shapes)",
        ),
    ],
)
def test_names_that_are_not_there(scaled, greendapt, change, said):
    done = greendapt("bench", "--suite", scaled[0], "--set", change)
    assert done.code == 2
    assert said in done.err
