"""What is the same is run once, charged to all who use it, and changes no result."""

import json
import shutil

import pytest

PARTIAL = 'strategy.partial.phases=["head", {use="adapt", train="last:1", epochs=4}]'
HYBRID = 'strategy.hybrid.phases=["head", {use="adapt", train="last:1"}, "adapt"]'


@pytest.fixture(scope="module")
def run(in_process, tiny, tmp_path_factory):
    """``run(*OPTIONS)``: a bench of the tiny suite into its own folder."""

    def bench(*options):
        out = tmp_path_factory.mktemp("runs")
        done = in_process("bench", "--suite", tiny, "--out", out, *options)
        assert done.code == 0, done.err
        (folder,) = out.iterdir()
        return Run(folder, done.err)

    return bench


@pytest.fixture(scope="module")
def partial(run):
    """Of one strategy, with stored prefixes. Not to be changed."""
    return run("--strategies", "partial")


class Run:
    def __init__(self, folder, said):
        self.folder, self.said = folder, said
        self.summary = json.loads((folder / "summary.json").read_text())
        lines = (folder / "records.jsonl").read_text().splitlines()
        self.records = {record["key"]: record for record in map(json.loads, lines)}

    def rows(self):
        return {(row["strategy"], row["seed"]): row for row in self.summary["rows"]}

    def metrics(self):
        return {who: row["metrics"] for who, row in self.rows().items()}

    def of(self, kind):
        return [record for record in self.records.values() if record["kind"] == kind]


def wall(record):
    return record["figures"]["wall_s"]["value"]


def test_hybrids_partial_phase_is_the_beginning_of_partials(run):
    both = run("--set", PARTIAL, "--set", HYBRID, "--strategies", "partial,hybrid")
    alone = {
        name: run("--set", PARTIAL, "--set", HYBRID, "--strategies", name)
        for name in ("partial", "hybrid")
    }
    assert both.metrics() == alone["partial"].metrics() | alone["hybrid"].metrics()
    labels = [record["label"] for record in both.of("adapt")]
    assert [label.partition("phase ")[2] for label in labels] == [
        "1 (head, 2 epochs), seed 0",
        "2 (last:1, 2 epochs), seed 0",
        "2 (last:1, epochs 3 to 4), seed 0",
        "3 (all, 2 epochs), seed 0",
    ]
    flops = {who: row["training_flops"]["value"] for who, row in both.rows().items()}
    for name, one in alone.items():
        assert flops[name, 0] == one.rows()[name, 0]["training_flops"]["value"]


def test_each_pays_as_if_alone_and_the_run_pays_once(run):
    two = run("--strategies", "full,partial", "--seeds", "2", "--weights", "fractal")
    charged = {}
    for who, row in two.rows().items():
        paid = [two.records[key] for key in row["stages"]]
        paid = [record for record in paid if record["role"] in ("adaptation", "transfer")]
        charged[who] = sum(map(wall, paid))
        assert row["wall_s"]["value"] == pytest.approx(charged[who])
    assert len(two.of("prefix")) == 2, "one for the head, one for last:1, whatever the seed"
    spent = two.summary["spent"]["wall_s"]["value"]
    assert spent == pytest.approx(sum(wall(r) for r in two.records.values() if r["role"] != "sunk"))
    evaluation = sum(wall(r) for r in two.records.values() if r["role"] == "evaluation")
    assert spent - evaluation < sum(charged.values())


def test_nothing_of_a_prefix_is_left_when_nobody_reads_it(partial):
    kept = {path.name for path in (partial.folder / "checkpoints").iterdir()}
    assert not kept & {record["key"] for record in partial.of("prefix")}
    assert all(record["details"]["cached_bytes"] > 0 for record in partial.of("prefix"))


def test_a_limit_too_small_gives_the_plain_way_with_a_warning(run, partial):
    plain = run("--strategies", "partial", "--set", "run.prefix_cache_gb=1e-6")
    assert "warning: test_resnet prefix of last:1, seed 0 is not stored" in plain.said
    assert "more than the limit of 1 kB" in plain.said
    # other batches, other roundings: far too small to change the order of these few scores
    for who, metrics in partial.metrics().items():
        auc = plain.metrics()[who]["development"]["auc"]
        assert auc == pytest.approx(metrics["development"]["auc"], abs=1e-4)
    flops = [one.rows()["partial", 0]["training_flops"]["value"] for one in (partial, plain)]
    assert flops[0] < flops[1]


def test_a_run_that_lost_its_prefixes_makes_them_again(partial, tmp_path, greendapt):
    folder = shutil.copytree(partial.folder, tmp_path / "lost")
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    upto = next(i for i, line in enumerate(lines) if "prefix of last:1" in line)
    (folder / "records.jsonl").write_text("".join(lines[: upto + 1]))
    (folder / "summary.json").unlink()
    resumed = greendapt("resume", folder)
    assert resumed.code == 0, resumed.err
    assert "prefix of last:1, seed 0: runs again, its files are gone" in resumed.err
    again = json.loads((folder / "summary.json").read_text())
    assert [row["metrics"] for row in again["rows"]] == [*partial.metrics().values()]


def test_a_bank_of_views_runs_and_says_so(run):
    strategy = (
        'strategy.partial.phases=["head", '
        '{use="adapt", train="last:1", augmentation="light", bank=3}]'
    )
    done = run("--strategies", "partial", "--set", strategy)
    (banked,) = [r for r in done.of("prefix") if "views" in r["label"]]
    assert "3 views an image, seed 0" in banked["label"]
    (plain,) = [r for r in done.of("prefix") if "views" not in r["label"]]
    assert banked["details"]["images"] == plain["details"]["images"] == 60


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('{use="adapt", train="last:1", bank=3}', "needs an augmentation"),
        ('{use="adapt", augmentation="light", bank=3}', "frozen units"),
    ],
)
def test_a_bank_without_anything_to_store_is_refused(greendapt, tiny, tmp_path, setting, said):
    done = greendapt(
        "bench", "--suite", tiny, "--out", tmp_path, "--set", f"strategy.partial.phases=[{setting}]"
    )
    assert done.code == 2
    assert said in done.err
    assert not [*tmp_path.glob("tiny-*")]
