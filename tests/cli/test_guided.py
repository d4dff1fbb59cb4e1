"""Phases with stop rules, through ``greendapt bench``."""

import json

import pytest

STOPS = """
[strategy.patient]
phases = ["head", {{ use = "adapt", epochs = 8, stop = {{ rule = "patience", looks = 1, least = {least} }} }}]
[strategy.guided]
phases = ["head", {{ use = "adapt", epochs = 6, stop = {{ rule = "gain", on = "{on}", every = 2, window = 2, least = 9 }} }}]
[strategy.broke]
phases = [{{ use = "adapt", epochs = 6, stop = {{ rule = "budget", energy_j = 1e-9 }} }}]
"""  # noqa: E501


@pytest.fixture
def suite(tiny, tmp_path):
    def write(least=9.0, on="robustness"):
        path = tmp_path / "stops.toml"
        text = tiny.read_text(encoding="utf-8") + STOPS.format(least=least, on=on)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def adapted(run, label):
    records = map(json.loads, (run / "records.jsonl").read_text(encoding="utf-8").splitlines())
    found = [r for r in records if r["kind"] == "adapt" and label in r["label"]]
    return found[-1]


def test_rules_stop_phases_and_their_looks_are_charged(greendapt, suite, tmp_path, only_run):
    said = greendapt(
        "bench", "--suite", suite(), "--out", tmp_path / "runs", "--strategies",
        "patient,guided,broke,full", "--device", "cpu", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    run = only_run(tmp_path / "runs")
    patient = adapted(run, "8 epochs")["details"]
    assert len(patient["train_loss"]) == 2  # the second is not better by 9
    assert patient["looks"][0]["score"] == -patient["val_loss"][0]
    guided = adapted(run, "phase 2 (all, 6 epochs)")
    assert [look["epoch"] for look in guided["details"]["looks"]] == [2, 4]
    assert all(look["score"] <= 0 for look in guided["details"]["looks"])  # lower is better
    assert guided["details"]["steps"] == 4 * patient["steps"] / 2
    per_epoch = (
        patient["steps"] and adapted(run, "8 epochs")["figures"]["training_flops"]["value"] / 2
    )
    assert guided["figures"]["training_flops"]["value"] > 4 * per_epoch
    broke = adapted(run, "phase 1 (all, 6 epochs)")["details"]
    assert len(broke["train_loss"]) == 1
    assert broke["looks"][0]["energy_j"] > 0


def test_a_score_that_sees_labels_is_refused_with_few_shots(greendapt, suite):
    asked = ("bench", "--suite", suite(on="probe"), "--strategies", "guided", "--device", "cpu")
    refused = greendapt(*asked, "--shots", "5,full")
    assert refused.code == 2
    assert "would see labels that few-shot hides" in refused.err
    assert greendapt(*asked).code == 0


@pytest.mark.parametrize(
    ("on", "sentence"),
    [("logm", "there is no score 'logm'"), ("ccfv", "cannot be had"), ("random", "cannot be had")],
)
def test_scores_that_cannot_be_had(greendapt, suite, on, sentence):
    said = greendapt("bench", "--suite", suite(on=on), "--strategies", "guided", "--device", "cpu")
    assert said.code == 2
    assert sentence in said.err


@pytest.mark.parametrize(
    ("stop", "sentence"),
    [
        ('{ rule = "wait" }', "stop"),
        ('{ rule = "budget" }', "energy_j or minutes"),
        ('{ rule = "patience", patience = 3 }', "patience"),
    ],
)
def test_tables_that_say_nothing_runnable(greendapt, tiny, tmp_path, stop, sentence):
    path = tmp_path / "bad.toml"
    bad = f'\n[strategy.guided]\nphases = [{{ use = "adapt", stop = {stop} }}]\n'
    path.write_text(tiny.read_text(encoding="utf-8") + bad, encoding="utf-8")
    said = greendapt("bench", "--suite", path, "--strategies", "guided")
    assert said.code == 2
    assert sentence in said.err


def test_waiting_for_a_loss_that_is_not_computed(greendapt, suite):
    said = greendapt(
        "bench", "--suite", suite(), "--strategies", "patient", "--set", "phase.adapt.select=last"
    )
    assert said.code == 2
    assert "needs select = 'best'" in said.err
