"""Suite ``peft``: what its plan says, what its strategies train, and a race between them."""

import json

import pytest

pytestmark = pytest.mark.e2e

SMALL = (
    *("--suite", "peft", "--profile", "smoke", "--weights", "none", "--device", "cpu"),
    *("--set", "evaluation.corruptions=[]", "--set", "phase.adapt.epochs=3"),
)


@pytest.fixture
def vit(greendapt):
    """A command on the suite's small transformer; strategies with commas."""

    def run(command, strategies, *options):
        return greendapt(
            command, *SMALL, "--backbone", "test_vit", "--strategies", strategies, *options
        )

    return run


def test_each_strategy_trains_its_share_for_the_planned_flops(vit, tmp_path, only_run):
    asked = "lora:4,ssf,bias,apla,explora,decay"
    planned = vit("plan", asked, "--json")
    assert planned.code == 0, planned.err
    done = vit("bench", asked, "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    run = only_run(tmp_path / "runs")
    rows = {one["strategy"]: one for one in json.loads((run / "summary.json").read_text())["rows"]}
    trained = {name: row["trainable_params"] for name, row in rows.items()}
    assert trained["bias"] < trained["ssf"] < trained["lora:4"] < trained["apla"]
    assert trained["apla"] < trained["explora"] < trained["decay"]
    spent = sum(
        record["figures"]["training_flops"]["value"]
        for record in map(json.loads, (run / "records.jsonl").read_text().splitlines())
    )
    assert spent == json.loads(planned.out)["all"]["flops"]


def test_what_has_settled_costs_no_more_and_is_told(vit, tmp_path, only_run):
    most = '[{use = "adapt", freeze = {rule = "settled", percentile = 100}}]'
    settling = ("--set", f"strategy.settling.phases={most}")
    done = vit("bench", "full,settling", "--out", tmp_path / "runs", *settling)
    assert done.code == 0, done.err
    run = only_run(tmp_path / "runs")
    records = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
    full, settling = (r for r in records if r["kind"] == "adapt")
    assert settling["details"]["frozen_units"][:2] == [0, 0]  # a change needs two epochs
    assert full["details"]["frozen_units"] == []
    assert max(settling["details"]["frozen_units"]) > 0
    costs = [r["figures"]["training_flops"]["value"] for r in (full, settling)]
    assert costs[1] < costs[0]


def test_a_race_takes_them_too(vit, tmp_path):
    done = vit("recommend", "none,lora:4,norm", "--seeds", "1..2", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    assert "Runner-up: " in done.out or "Undecided" in done.out
