"""``greendapt replay`` as a user runs it; on the paper's own tables where they are at hand."""

import json
import os
import subprocess
import sys

import pytest

PAPER = os.environ.get("GREENDAPT_HIDY2024")


def test_the_usual_rules_beside_each_other(greendapt, released):
    said = greendapt("replay", released, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    rows = {row["rule"]: row for row in found["rules"]}
    assert found["series"] == 8
    assert rows["fixed:300"]["regret"]["mean"] == pytest.approx((5 + 0) / 2)
    assert rows["fixed:100"]["regret"]["mean"] == pytest.approx((0 + 5) / 2)
    assert rows["fixed:100"]["epochs_paid"] == 100
    assert (rows["fixed:100"]["wins"], rows["fixed:100"]["losses"]) == (4, 4)
    assert rows["random"]["epochs_paid"] == pytest.approx((1 + 50 + 100 + 300) / 4)
    assert rows["best:300@robustness"]["regret"]["mean"] == pytest.approx(2.5)  # epoch 100
    assert set(rows["gain@transfer:1"]["settings"]) == {"ACDC", "IDRiD"}
    assert rows["gain@transfer:1"]["regret"]["mean"] >= 0
    ranks = {row["score"]: row for row in found["agreement"]}
    assert ranks["source_accuracy"]["spearman"]["mean"] == pytest.approx((1 + 0.8) / 2)


def test_tables_for_people(greendapt, released):
    plain = greendapt("replay", released, "--rule", "fixed:100", "--rule", "patience@robustness*")
    assert plain.code == 0, plain.err
    assert plain.out.splitlines()[1].startswith("fixed:100")
    markdown = greendapt("replay", released, "--rule", "fixed:100", "--markdown")
    assert markdown.out.startswith("| rule | regret [95%] |")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("--rule", "wait:3"), "--rule wait:3: write"),
        (("--rule", "patience:2@logme"), "has no score 'logme'"),
        (("--rule", "patience@logme*"), "no score of all series"),
        (("--rule", "gain@transfer:3"), "leaves none to judge by"),
        (("--scores", "logme"), "has no score 'logme'"),
    ],
)
def test_what_is_wrong_is_one_sentence(greendapt, released, asked, sentence):
    said = greendapt("replay", released, *asked)
    assert said.code == 2
    assert said.out == ""
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_one_dataset_has_nothing_to_choose_settings_on(greendapt, tmp_path):
    path = tmp_path / "own.csv"
    rows = [f"a,d,{seed},{epoch},{epoch}" for seed in (1, 2) for epoch in (1, 2, 3)]
    path.write_text("series,dataset,seed,epoch,quality\n" + "\n".join(rows), encoding="utf-8")
    said = greendapt("replay", path, "--rule", "gain@transfer:1")
    assert said.code == 2
    assert "at least two" in said.err
    assert greendapt("replay", path, "--rule", "gain:0.3@transfer:1").code == 0


def test_replay_needs_no_torch(released):
    code = (
        "import sys; from greendapt.cli.app import main\n"
        f"sys.argv = ['greendapt', 'replay', {str(released)!r}, '--rule', 'patience@robustness']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.skipif(
    PAPER is None, reason="set GREENDAPT_HIDY2024 to the folder of the released tables"
)
def test_the_released_tables(greendapt):
    """What a re-analysis of them shows: hindsight on the score loses to full length."""
    rules = ("fixed:300", "best:300@robustness", "gain@transfer:1")
    asked = [part for rule in rules for part in ("--rule", rule)]
    rows = json.loads(greendapt("replay", PAPER, *asked, "--json").out)["rules"]
    full, hindsight, gain = rows
    assert full["regret"]["mean"] == pytest.approx(0.40, abs=0.005)
    assert hindsight["regret"]["mean"] == pytest.approx(0.67, abs=0.005)
    assert gain["regret"]["mean"] < full["regret"]["mean"]
    assert gain["paid_share"] <= 0.5
