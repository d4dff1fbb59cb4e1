"""The page of evidence shows what its results say, and what can be read again says the same."""

import csv
import json

import evidence_table
import numpy as np
import pytest
from evidence.pneumoniamnist import parts, write
from PIL import Image

import greendapt
from greendapt.report.published import Published

RESULTS = json.loads(evidence_table.RESULTS.read_text(encoding="utf-8"))


def test_the_page_shows_the_results():
    text = evidence_table.PAGE.read_text(encoding="utf-8")
    assert evidence_table.page(text, RESULTS) == text


def test_recorded_tables_say_of_the_claims_what_the_page_shows():
    again = list(evidence_table.claims_of_tables())
    kept = [row for row in RESULTS["claims"] if row not in RESULTS["run claims"]]
    assert len(again) == len(kept) == 24
    for ours, theirs in zip(again, kept, strict=True):
        assert (ours["claim"], ours["question"]) == (theirs["claim"], theirs["question"])
        assert ours["gap"] == pytest.approx(theirs["gap"], abs=1e-6)
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=0.01)


def test_the_claims_of_the_published_run_are_those_of_its_report():
    report = evidence_table.ROOT / "reports" / "chestxray-nih"
    record = Published.model_validate_json((report / "published.json").read_text(encoding="utf-8"))
    auc = {point.strategy: point.auc for point in record.points}
    gap = {row["claim"]: row["gap"][0] for row in RESULTS["run claims"]}
    best = max(auc["hybrid:last1"], auc["hybrid:last2"])
    assert gap["hybrid DAPT is better than full"] == pytest.approx(best - auc["full"], abs=1e-9)
    page = (report / "report.md").read_text(encoding="utf-8")
    for row in RESULTS["run claims"]:
        (line,) = (line for line in page.splitlines() if line.startswith(f"| {row['claim']} |"))
        assert line.endswith(f"| {row['told']} |")


def test_a_miss_is_a_miss_and_what_was_not_run_is_not_met():
    one = {"met": [0.9, 0.95]}
    assert evidence_table.verdict(one, {"auc": 0.9, "seeds": 3}) == "met"
    assert evidence_table.verdict(one, {"auc": 0.899, "seeds": 3}) == "**missed**"
    assert evidence_table.verdict(one, {"auc": 0.96, "seeds": 3}) == "**missed**"
    assert evidence_table.verdict(one, {"auc": 0.92, "seeds": 1}) == "not told: 1 of 3 seeds"
    assert evidence_table.verdict(one, None) == "not run"


@pytest.mark.parametrize("name", ["scratch", "probe"])
def test_its_suites_ask_for_three_seeds_of_one_strategy(name):
    suite = greendapt.load_suite(evidence_table.HERE / f"{name}.toml")
    assert (suite.run.strategies, suite.run.seeds) == (("none",), 3)


def test_images_are_centre_squares_and_no_patient_is_in_two_parts(tmp_path):
    folder, pixels = tmp_path / "kermany", np.zeros((20, 40), np.uint8)
    pixels[:, 10:30] = 200
    (folder / "images").mkdir(parents=True)
    Image.fromarray(pixels).save(folder / "images" / "a.png")
    rows = [
        {"image": "images/a.png", "label": label, "split": split, "patient_id": f"p{k // 2}"}
        for k, (label, split) in enumerate([("normal", "train")] * 30 + [("pneumonia", "test")] * 2)
    ]
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    (path,) = write(folder, tmp_path / "made", [8])
    made = np.load(path)
    assert made["train_images"].shape == (26, 8, 8)
    assert made["train_images"].min() == 200
    assert made["val_labels"].tolist() == [[0]] * 4
    assert made["test_labels"].tolist() == [[1]] * 2
    of = {part: {row["patient_id"] for row in found} for part, found in parts(rows).items()}
    assert not of["train"] & of["val"]
