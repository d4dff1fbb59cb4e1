"""From records to rows: costs as if alone, what was spent, the front, failures."""

import pytest

from greendapt.accounting.grid import grid
from greendapt.core.figures import Figure
from greendapt.core.records import METERED_UNITS, Record
from greendapt.run.ground import Digests
from greendapt.run.plan import cells, stages
from greendapt.run.summary import costs, summarize
from greendapt.suite.suite_files import load

GRID = grid(None, 3.6e5).with_machine(1.0, 4.0)  # a tenth of a gram a joule
DIGESTS = Digests({None: "pool"}, {None: ("development", "external")}, {"test_resnet": "weights"})
KIND_S = {
    "pretrain": 1000.0, "prefix": 0.25, "adapt": 10.0, "features": 2.0, "probe": 1.0,
    "test-features": 5.0, "evaluate": 3.0,
}  # fmt: skip
"""Seconds of each kind of stage; every other cost is as much, in its unit."""


def planned(plan):
    return [cell.planned for cell in plan]


def figures(value):
    return {name: Figure.measured(value, unit, "test") for name, unit in METERED_UNITS.items()}


def done(stage, auc=0.5, **changes):
    metrics = {"development": {"auc": auc}} if stage.kind == "evaluate" else {}
    return stage.record(
        "2026-01-01T00:00:00+00:00",
        figures=figures(KIND_S[stage.kind]),
        metrics=metrics,
        details={"trainable_params": 7, "samples": 40} if stage.kind == "adapt" else {},
        **changes,
    )


@pytest.fixture
def suite(tiny):
    return load(tiny, changes=[{"model": {"weights": "fractal"}, "run": {"seeds": 2}}])


@pytest.fixture
def plan(suite):
    return cells(suite, DIGESTS)


@pytest.fixture
def summed(suite, plan):
    """The summary; ``aucs`` by strategy, ``change`` replaces records."""

    def run(aucs=None, change=None):
        aucs = {"none": 0.5, "partial": 0.7, "full": 0.8} | (aucs or {})
        owner = {cell.stages[-1].key: aucs[cell.strategy] for cell in plan}
        records = {s.key: done(s, owner.get(s.key, 0.0)) for s in stages(plan)}
        records |= change or {}
        records = {key: record for key, record in records.items() if record is not None}
        return summarize(suite, planned(plan), records, GRID, synthetic=True, notes=["a note"])

    return run


def test_a_cell_pays_as_if_alone_and_the_run_pays_once(summed):
    said = summed()
    rows = {(row.strategy, row.seed): row for row in said.rows}
    assert rows["none", 0].wall_s.value == 2 + 1
    assert rows["full", 0].wall_s.value == 20 + 3 + 0.25
    assert rows["partial", 1].wall_s.value == 20 + 3 + 2 * 0.25
    # for all seeds the prefixes of the head and of partial, and the features of none; a seed:
    # head phase once, two second phases and their features
    head_and_verdict = 1 + 3
    adapted = 3 * 10 + 2 * (2 + 5) + 3 * head_and_verdict
    assert said.spent["wall_s"].value == 2 * 0.25 + 2 * adapted + (2 + 5)
    assert said.sunk["wall_s"].value == 1000


def test_a_row_says_where_its_adapted_backbone_lies(summed, plan):
    adapted = {(cell.strategy, cell.seed): [s for s in cell.stages if s.kind == "adapt"]
               for cell in plan}  # fmt: skip
    for row in summed().rows:
        stages = adapted[row.strategy, row.seed]
        last = f"checkpoints/{stages[-1].key}/backbone.safetensors" if stages else None
        assert row.checkpoint == last
        assert (row.checkpoint is None) == (row.strategy == "none")


def test_parts_hold_each_role_apart(summed):
    row = next(row for row in summed().rows if row.strategy == "full")
    walls = {role: part["wall_s"].value for role, part in row.parts.items()}
    assert walls == {"sunk": 1000, "adaptation": 20.25, "transfer": 3, "evaluation": 8}
    assert row.peak_memory_bytes.value == 10  # the largest, not the sum
    assert row.trainable_params == 7


def test_the_score_is_grams_by_image_trained_and_by_point_gained(summed):
    rows = {(row.strategy, row.seed): row for row in summed().rows}
    full = rows["full", 0]
    grams = full.carbon_g.value + full.embodied_g.value
    assert full.sci_image_g.value == pytest.approx(grams / (2 * 40))  # two phases of 40 samples
    assert full.sci_auc_point_g.value == pytest.approx(grams / 30)  # .8 against .5
    assert full.sci_auc_point_g.unit == "g/AUC point"
    assert rows["none", 0].sci_auc_point_g.value is None
    worse = next(row for row in summed({"none": 0.9}).rows if row.strategy == "full")
    assert worse.sci_auc_point_g.value is None, "no gain, no price of it"
    assert "no AUC point was gained" in worse.sci_auc_point_g.source


def test_no_dapt_is_known_by_what_it_does_not_by_its_name(tiny, tmp_path):
    path = tmp_path / "renamed.toml"
    text = tiny.read_text(encoding="utf-8")
    text = text.replace('["none", "full", "partial"]', '["baseline", "full"]')
    path.write_text(text.replace("[strategy.none]", "[strategy.baseline]"), encoding="utf-8")
    suite = load(path, changes=[{"model": {"weights": "fractal"}}])
    plan = cells(suite, DIGESTS)
    owner = {cell.stages[-1].key: {"baseline": 0.5, "full": 0.8}[cell.strategy] for cell in plan}
    records = {s.key: done(s, owner.get(s.key, 0.0)) for s in stages(plan)}
    rows = summarize(suite, planned(plan), records, GRID, synthetic=True, notes=[]).rows
    full = next(row for row in rows if row.strategy == "full")
    grams = full.carbon_g.value + full.embodied_g.value
    assert full.sci_auc_point_g.value == pytest.approx(grams / 30)


def test_grams_follow_from_joules_and_the_grid(suite, plan):
    records = {s.key: done(s) for s in stages(plan)}
    row = summarize(suite, planned(plan), records, GRID, synthetic=True, notes=[]).rows[0]
    for part in (vars(row), *row.parts.values()):
        assert part["carbon_g"].value == pytest.approx(0.1 * part["energy_j"].value)
        lifetime_s = 4.0 * 365.25 * 86400
        assert part["embodied_g"].value == pytest.approx(1000 * part["wall_s"].value / lifetime_s)


def test_a_record_from_before_a_figure_was_known_still_counts():
    old = {name: f for name, f in figures(1.0).items() if name != "energy_above_idle_j"}
    record = Record(key="a", kind="adapt", role="adaptation", title="a", started_at="", figures=old)
    assert costs([record], GRID)["energy_above_idle_j"].value is None
    assert costs([record], GRID)["energy_j"].value == 1


def test_one_part_unavailable_makes_the_sum_unavailable():
    missing = {**figures(1.0), "energy_j": Figure.unavailable("J", "no counter")}
    records = [
        Record(key=k, kind="adapt", role="adaptation", title=k, started_at="", figures=f)
        for k, f in (("a", figures(2.0)), ("b", missing))
    ]
    said = costs(records, GRID)
    assert said["energy_j"].value is None
    assert said["energy_j"].source == "no counter"
    assert said["wall_s"].value == 3
    assert costs([], GRID) == {}


def front(said):
    return {row.strategy for row in said.rows if row.on_front}


def test_the_front_is_of_mean_carbon_against_mean_auc(summed):
    assert front(summed()) == {"none", "full"}  # partial costs a prefix more, for less
    assert front(summed({"none": 0.9})) == {"none"}
    assert front(summed({"partial": 0.85})) == {"none", "full", "partial"}
    assert front(summed({"full": 0.6})) == {"none", "full", "partial"}
    assert front(summed({"full": 0.4})) == {"none", "partial"}


def test_a_failed_stage_fails_every_cell_that_rests_on_it(summed, plan):
    broken = next(
        s
        for c in plan
        if (c.strategy, c.seed) == ("full", 0)
        for s in c.stages
        if s.kind == "adapt"
    )
    behind = [
        stage.key
        for cell in plan
        for stage in cell.stages
        if broken.key in {s.key for s in cell.stages} and stage.kind in ("probe", "features")
    ]
    failed = done(broken, status="failed", error="Diverged: no")
    said = summed(change={broken.key: failed, **dict.fromkeys(behind)})
    assert {(f.strategy, f.seed) for f in said.failures} == {("full", 0), ("partial", 0)}
    assert {f.error for f in said.failures} == {"Diverged: no"}
    assert {f.stage for f in said.failures} == {broken.label}
    assert {(r.strategy, r.seed) for r in said.rows} == {
        ("none", 0), ("none", 1), ("full", 1), ("partial", 1),
    }  # fmt: skip
    assert said.spent["wall_s"].value < summed().spent["wall_s"].value


def test_a_stage_taken_over_is_charged_to_its_cells_but_not_spent(summed, plan):
    stage = next(s for c in plan if c.strategy == "full" for s in c.stages if s.kind == "adapt")
    said = summed(change={stage.key: done(stage, reused=True)})
    assert said.spent["wall_s"].value == summed().spent["wall_s"].value - 10
    assert [row.wall_s for row in said.rows] == [row.wall_s for row in summed().rows]
