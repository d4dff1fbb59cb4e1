"""Phases that keep checkpoints, from ``greendapt bench`` to ``greendapt replay RUN``."""

import json
import shutil

import pytest
from safetensors.torch import load_file

KEEPS = """
[strategy.lengths]
about = "kept"
phases = ["head", {{ use = "adapt", epochs = 4, select = "last", {extra} }}]
[strategy.short]
phases = ["head", {{ use = "adapt", epochs = 2, select = "last" {schedule} }}]
"""
WATCH = 'keep_checkpoints = [1, 2], watch = {on = ["val_loss", "robustness"], images = 8}'


@pytest.fixture
def suite(tiny, tmp_path):
    def write(extra=WATCH, schedule="", more=""):
        path = tmp_path / "keeps.toml"
        text = KEEPS.format(extra=extra, schedule=schedule)
        path.write_text(tiny.read_text(encoding="utf-8") + text + more, encoding="utf-8")
        return path

    return write


@pytest.fixture
def bench(greendapt, tmp_path, only_run):
    def run(suite, *arguments):
        out = tmp_path / "runs"
        said = greendapt("bench", "--suite", suite, "--out", out, "--device", "cpu", *arguments)
        assert said.code == 0, said.err
        return only_run(out)

    return run


def rows(run):
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    return {row["strategy"]: row for row in summary["rows"]}


def aucs(run, strategy):
    """Of each transfer."""
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    found = [row for row in summary["rows"] if row["strategy"] == strategy]
    return [row["metrics"]["development"]["auc"] for row in found]


def adapted(run, row):
    records = map(json.loads, (run / "records.jsonl").read_text(encoding="utf-8").splitlines())
    known = {record["key"]: record for record in records}
    return [known[key] for key in row["stages"] if known[key]["kind"] == "adapt"]


def test_each_checkpoint_is_transferred_like_the_end(bench, suite, greendapt):
    run = bench(suite(), "--strategies", "lengths,short", "--transfers", "probe,finetune")
    found = rows(run)
    assert list(found) == ["lengths@1", "lengths@2", "lengths", "short"]
    *_, last = adapted(run, found["lengths"])
    assert len(last["details"]["train_loss"]) == 4
    two, short = (adapted(run, found[name])[-1] for name in ("lengths@2", "short"))
    weights = [
        load_file(run / "checkpoints" / one["key"] / "backbone.safetensors") for one in (two, short)
    ]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    assert found["lengths@2"]["metrics"] == found["short"]["metrics"]
    looked = [one["details"]["scores"] for one in adapted(run, found["lengths"])[1:]]
    assert [[one["epoch"] for one in part] for part in looked] == [[1], [2], [4]]
    assert all({"-val_loss", "-robustness"} == set(part[0]["values"]) for part in looked)
    flops = {name: row["training_flops"]["value"] for name, row in found.items()}
    assert flops["lengths@2"] > flops["short"]  # two looks, and the validation loss
    paid = [found[n]["parts"]["adaptation"]["wall_s"]["value"] for n in ("lengths@1", "lengths")]
    assert paid[0] < paid[1]

    said = greendapt("replay", run, "--json")
    assert said.code == 0, said.err
    replayed = json.loads(said.out)
    assert replayed["series"] == 2  # two transfers
    rules = {rule["rule"]: rule for rule in replayed["rules"]}
    paid = {name: rules[name]["epochs_paid"] for name in ("fixed:1", "fixed:2", "fixed:4")}
    assert paid == {"fixed:1": 1, "fixed:2": 2, "fixed:4": 4}
    assert {"patience:1@robustness", "gain:0@val_loss"} <= set(rules)
    probe, tuned = (100 * auc for auc in aucs(run, "lengths"))
    early = [100 * auc for auc in aucs(run, "lengths@1")]
    expected = (early[0] - probe + early[1] - tuned) / 2
    assert rules["fixed:1"]["versus_full"]["mean"] == pytest.approx(expected)

    report = (run / "report.md").read_text(encoding="utf-8")
    assert "## When to stop" in report
    assert "patience:2\\@robustness" in report


def test_a_checkpoint_of_a_schedule_is_on_the_way_of_the_whole(bench, suite):
    scheduled = 'schedule = "cosine"'
    path = suite(f"keep_checkpoints = 2, {scheduled}", f", {scheduled}")
    run = bench(path, "--strategies", "lengths,short")
    losses = {
        name: adapted(run, row)[-1]["details"]["train_loss"] for name, row in rows(run).items()
    }
    assert losses["lengths@2"] == losses["lengths"][:2]
    assert losses["short"] != losses["lengths@2"]  # its schedule ends after two epochs


def test_a_run_without_checkpoints_has_nothing_to_replay(bench, tiny, greendapt):
    run = bench(tiny, "--strategies", "none")
    said = greendapt("replay", run)
    assert said.code == 2
    assert "keep_checkpoints" in said.err
    assert "## When to stop" not in (run / "report.md").read_text(encoding="utf-8")
    (run / "summary.json").unlink()
    said = greendapt("replay", run)
    assert said.code == 2
    assert "greendapt resume" in said.err


@pytest.mark.parametrize(
    ("extra", "more", "sentence"),
    [
        (
            'keep_checkpoints = 1, stop = { rule = "budget", minutes = 1 }',
            "",
            "without a stop rule",
        ),
        ("keep_checkpoints = 1, min_steps = 9", "", "min_steps = 0"),
        (WATCH.replace("[1, 2]", "0"), "", "greater than 0"),
        (WATCH, '[strategy."lengths@2"]\n', "the name of a checkpoint of lengths"),
        ('watch = { on = ["ccfv"] }', "", "a look at 'ccfv' cannot be had"),
        ('watch = { on = ["logm"] }', "", "there is no score 'logm'"),
    ],
)
def test_what_cannot_be_kept(greendapt, suite, extra, more, sentence):
    asked = greendapt("bench", "--suite", suite(extra, more=more), "--strategies", "lengths")
    assert asked.code == 2
    assert sentence in asked.err


def test_an_earlier_phase_keeps_none(greendapt, tiny):
    asked = greendapt(
        "bench", "--suite", tiny, "--strategies", "full",
        "--set", "phase.head.keep_checkpoints=1",
    )  # fmt: skip
    assert asked.code == 2
    assert "strategy.full: keep_checkpoints is for the last phase only" in asked.err


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_phase_that_is_saved_on_the_way_gives_the_same_and_goes_on_from_there(
    bench, suite, greendapt, schedule
):
    plain = bench(suite(f'schedule = "{schedule}"'), "--strategies", "lengths")
    whole = rows(plain)["lengths"]
    shutil.rmtree(plain)
    run = bench(suite(f'schedule = "{schedule}", save_every = 1'), "--strategies", "lengths")
    row = rows(run)["lengths"]
    assert row["metrics"] == whole["metrics"]
    assert row["training_flops"]["value"] == whole["training_flops"]["value"]
    *_, first, second, third, fourth = adapted(run, row)
    lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["key"] not in (third["key"], fourth["key"])]
    (run / "records.jsonl").write_bytes(b"".join(kept))
    (run / "summary.json").unlink()
    for key in (third["key"], fourth["key"]):
        shutil.rmtree(run / "checkpoints" / key)
    said = greendapt("resume", run)
    assert said.code == 0, said.err
    assert rows(run)["lengths"]["metrics"] == whole["metrics"]
    again = adapted(run, rows(run)["lengths"])
    assert [one["started_at"] for one in again[-4:-2]] == [
        first["started_at"],
        second["started_at"],
    ]
