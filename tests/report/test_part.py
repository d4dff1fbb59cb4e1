"""A part of a run: what is chosen and refused, and how every format says that it is a part."""

import pytest

from greendapt.core.errors import RunError
from greendapt.report.formats import table
from greendapt.report.part import part_of, seeds_of, words_of
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view

FAILED = {"strategy": "full", "seed": 2, "transfer": "probe", "shots": "full"}
SAID = "This shows a part of the run: "


@pytest.fixture
def run(run_writer):
    run_writer.backbones = ["resnet18", "resnet50"]
    run_writer.transfers = ["probe", "mlp2"]
    run_writer.shots = [10, "full"]
    run_writer.strategies = ["none", "partial1", "full"]
    run_writer.failures = [{**FAILED, "stage": "a stage", "error": "it broke"}]
    return load_run(run_writer.write())


def chosen(run):
    rows = run.summary.rows
    names = ("strategy", "seed", "backbone", "transfer", "shots")
    return [list(dict.fromkeys(getattr(row, name) for row in rows)) for name in names]


def test_strategies_and_seeds_are_chosen_and_said_in_the_run_s_order(run):
    part = part_of(run, ["full", "none"], [1, 0])
    assert chosen(part)[:2] == [["none", "full"], [0, 1]]
    assert part.summary.failures == []
    assert part.cautions[0].startswith(f"{SAID}strategies none, full; seeds 0 to 1 of 3.")
    assert part.records == run.records
    assert part.summary.spent == run.summary.spent
    assert part_of(run, ["full"]).summary.failures == run.summary.failures


@pytest.mark.parametrize(
    ("words", "backbones", "transfers", "shots"),
    [
        ("resnet50", ["resnet50"], ["probe", "mlp2"], [10, "full"]),
        ("10", ["resnet18", "resnet50"], ["probe", "mlp2"], [10]),
        ("resnet50,mlp2,full", ["resnet50"], ["mlp2"], ["full"]),
        ("resnet18,resnet50,mlp2", ["resnet18", "resnet50"], ["mlp2"], [10, "full"]),
        ("resnet50, probe, 10 labels a class", ["resnet50"], ["probe"], [10]),
        ("10,full", ["resnet18", "resnet50"], ["probe", "mlp2"], [10, "full"]),
    ],
)
def test_a_setting_is_named_by_its_words_or_its_title(run, words, backbones, transfers, shots):
    part = part_of(run, setting=words_of(words))
    assert chosen(part)[2:] == [backbones, transfers, shots]


def test_the_title_of_a_panel_is_that_panel(run):
    for panel in view(run).panels:
        (same,) = view(part_of(run, setting=words_of(panel.title))).panels
        assert (same.backbone, same.transfer, same.shots) == (
            panel.backbone,
            panel.transfer,
            panel.shots,
        )
        assert same.verdict == panel.verdict


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0..2", [0, 1, 2]), ("0,3,5", [0, 3, 5]), ("4", [4]), (4, [4]), ("0..1,7", [0, 1, 7])],
)
def test_seeds_are_ranges_lists_and_numbers(text, seeds):
    assert list(seeds_of(text)) == seeds


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"strategies": ["ful"]}, "there is no strategy 'ful' in this run; did you mean full?"),
        ({"strategies": ["x"]}, "there is no strategy 'x' .*there is: none, partial1, full"),
        ({"strategies": []}, "no strategy is named"),
        ({"seeds": "0..99999999999"}, "there is no seed 3 in this run; there is: 0 to 2"),
        ({"seeds": "2..0"}, "no seed is named"),
        ({"seeds": "first"}, "seeds are given as 0..2, .* not as 'first'"),
        ({"seeds": "-1"}, "not as '-1'"),
        ({"seeds": [-1]}, "there is no seed -1"),
        ({"setting": ["resnet5"]}, "there is no setting 'resnet5' .*did you mean resnet50"),
    ],
)
def test_what_there_is_not_is_refused_in_a_sentence(run, wanted, said):
    with pytest.raises(RunError, match=said):
        part_of(run, **wanted | {"seeds": seeds_of(wanted.get("seeds"))})


def test_where_nothing_remains_it_is_said(run):
    part = part_of(run, ["none"])
    with pytest.raises(RunError, match=r"no finished cell .* of: strategy none; strategy full"):
        part_of(part, ["full"])


def test_a_part_of_a_part_says_both(run):
    part = part_of(part_of(run, ["none", "full"]), setting=["10"])
    assert part.cautions[0].startswith(f"{SAID}strategies none, full; setting 10 labels a class.")


@pytest.mark.parametrize(
    "name", ["html", "md", "csv", "json", "latex", "modelcard", "annexxi", "terminal"]
)
def test_every_format_says_that_it_is_a_part(run, name, tmp_path):
    part = part_of(run, ["none", "full"], [0, 2], ["resnet18"])
    path, *_ = table.write_to(part, view(part), name, tmp_path / "report")
    text = " ".join(path.read_text(encoding="utf-8").split())
    assert f"{SAID}strategies none, full; seeds 0, 2 of 3; setting resnet18." in text
    assert "partial1" not in text or name in ("html", "md")  # stages, where the energy went


def test_a_whole_run_says_nothing_of_parts(run):
    assert run.cautions == ()
    assert not any(SAID in caveat for caveat in view(run).caveats)


def test_the_scope_and_what_was_saved_are_not_claimed_of_a_part(run):
    seen = view(part_of(run, setting=["resnet50"]))
    assert seen.scope.startswith("resnet50 at")
    assert "one by one" in str(view(run).spending_note)
    assert "one by one" not in str(seen.spending_note)
