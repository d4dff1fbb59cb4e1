"""Cells and stages: what is shared, what chains, what changes a key."""

from dataclasses import replace

import pytest

from greendapt.run.ground import Digests
from greendapt.run.plan import cells, stages
from greendapt.suite.suite_files import load

DIGESTS = Digests(
    {None: "pool"},
    {None: ("development", "external")},
    {"test_resnet": "weights", "test_vit": "vit"},
)


@pytest.fixture
def planned(tiny):
    """Cells by (strategy, seed, transfer, shots) of the tiny suite under changes."""

    def plan(digests=DIGESTS, **changes):
        changes.setdefault("model", {"weights": "/w.safetensors"})
        suite = load(tiny, changes=[changes])
        return {(c.strategy, c.seed, c.transfer, c.shots): c for c in cells(suite, digests)}

    return plan


def kinds(cell):
    return [stage.kind for stage in cell.stages]


def keys(cell, kind=None):
    return [stage.key for stage in cell.stages if kind is None or stage.kind == kind]


def all_keys(plan):
    return {stage.key for stage in stages([*plan.values()])}


def test_a_cell_is_a_chain_from_phases_to_the_verdict(planned):
    plan = planned(run={"transfers": ["probe", "finetune"]})
    ending = ["features", "probe", "test-features", "evaluate"]
    assert kinds(plan["none", 0, "probe", "full"]) == ending
    assert kinds(plan["full", 0, "probe", "full"]) == ["prefix", "adapt", "adapt", *ending]
    assert kinds(plan["full", 0, "finetune", "full"]) == [
        "prefix", "adapt", "adapt", "finetune", "evaluate",
    ]  # fmt: skip
    assert kinds(plan["none", 0, "finetune", "full"]) == ["finetune", "evaluate"]


def test_parents_run_before_their_children(planned):
    plan = planned(run={"seeds": 2, "transfers": ["probe", "finetune"], "shots": [3, "full"]})
    done = set()
    for stage in stages([*plan.values()]):
        assert {parent.key for parent in stage.reads} <= done
        done.add(stage.key)


def test_each_stage_starts_from_the_backbone_before_it(planned):
    prefix, first, second, features, probe, tests, verdict = planned()[
        "full", 0, "probe", "full"
    ].stages
    assert prefix.parents == first.parents == ()
    assert (first.prefix, second.prefix) == (prefix, None)
    assert second.parents == (first,)
    assert features.parents == tests.parents == (second,)
    assert probe.parents == (features,)
    assert verdict.parents == (probe, tests)


def test_strategies_share_the_phases_they_begin_with(planned):
    plan = planned()
    full, partial = (keys(plan[name, 0, "probe", "full"], "adapt") for name in ("full", "partial"))
    assert full[0] == partial[0]
    assert full[1] != partial[1]


def test_another_precision_is_another_result(planned):
    fast = Digests(
        {None: "pool"},
        {None: ("development", "external")},
        {"test_resnet": "weights"},
        {"test_resnet": "bfloat16"},
    )
    assert not all_keys(planned(fast)) & all_keys(planned())


def test_a_prefix_is_one_stage_for_all_seeds_and_strategies(planned):
    strategy = {"hybrid": {"base": "partial", "phases": ["adapt"]}}
    plan = planned(strategy=strategy, run={"strategies": ["full", "partial", "hybrid"], "seeds": 3})
    labels = [s.label for s in stages([*plan.values()]) if s.kind == "prefix"]
    assert labels == ["test_resnet prefix of head", "test_resnet prefix of last:1"]
    assert all(stage.kind != "prefix" for stage in plan["full", 0, "probe", "full"].stages[2:])


@pytest.mark.parametrize(
    ("first", "then", "shared"),
    [
        ("head", "last:1", True), ("last:1", "last:2", True), ("last:2", "last:1", False),
        ("all", "last:1", False), (["stage4"], ["stage4"], True), (["stage4"], "last:1", False),
        ("last:1", ["stage3"], False),
    ],
)  # fmt: skip
def test_a_prefix_that_an_earlier_phase_moves_is_that_phases(planned, first, then, shared):
    phases = [{"use": "adapt", "train": first}, {"use": "adapt", "train": then}]
    plan = planned(strategy={"two": {"phases": phases}}, run={"strategies": ["two"]})
    prefix = [s for s in plan["two", 0, "probe", "full"].stages if s.kind == "prefix"][-1]
    assert (prefix.parents == ()) == shared


@pytest.mark.parametrize(
    "change",
    [{"train": "all"}, {"train": ["stem"]}, {"augmentation": "light"}, {"objective": "simclr"}],
    ids=str,
)
def test_what_is_not_constant_has_no_prefix(planned, change):
    strategy = {"one": {"phases": [{"use": "adapt", "train": "last:1", **change}]}}
    plan = planned(strategy=strategy, run={"strategies": ["one"]})
    assert "prefix" not in kinds(plan["one", 0, "probe", "full"])
    without = planned(run={"prefix_cache": False})
    assert all("prefix" not in kinds(cell) for cell in without.values())


def test_the_views_of_a_bank_are_drawn_for_each_seed(planned):
    strategy = {
        "one": {"phases": [{"use": "adapt", "train": "last:1", "augmentation": "light", "bank": 4}]}
    }
    plan = planned(strategy=strategy, run={"strategies": ["one"], "seeds": 2})
    prefixes = {s.key: s.label for s in stages([*plan.values()]) if s.kind == "prefix"}
    assert len(prefixes) == 2
    assert all("4 views an image" in label for label in prefixes.values())


def longer(epochs, **said):
    """``partial``, and ``hybrid`` whose partial phase is a part of it."""
    use = {"use": "adapt", "train": "last:1", **said}
    strategy = {
        "partial": {"phases": ["head", {**use, "epochs": epochs}]},
        "hybrid": {"phases": ["head", {**use, "epochs": 2}, "adapt"]},
    }
    return {"strategy": strategy, "run": {"strategies": ["partial", "hybrid"]}}


def test_a_shorter_phase_is_the_beginning_of_a_longer_one(planned):
    plan = planned(**longer(epochs=5))
    partial = [s for s in plan["partial", 0, "probe", "full"].stages if s.kind == "adapt"]
    hybrid = [s for s in plan["hybrid", 0, "probe", "full"].stages if s.kind == "adapt"]
    assert [s.epochs for s in partial] == [2, 2, 5]
    assert [s.key for s in partial[:2]] == [s.key for s in hybrid[:2]]
    assert partial[2].earlier == partial[1]
    assert partial[1].goes_on
    assert partial[2].parents == partial[1].parents == (partial[0],)
    assert [s.key for s in hybrid[2].parents] == [partial[1].key]
    assert "epochs 3 to 5" in partial[2].label


@pytest.mark.parametrize("change", [{"schedule": "cosine"}, {"min_steps": 9}], ids=str)
def test_a_phase_whose_length_decides_its_steps_is_not_shared(planned, change):
    plan = planned(**longer(epochs=5, **change))
    partial = [s for s in plan["partial", 0, "probe", "full"].stages if s.kind == "adapt"]
    assert [s.epochs for s in partial] == [2, 5]
    assert not any(s.goes_on or s.earlier for s in partial)


def test_a_base_runs_first_and_is_shared(planned):
    hybrid = {"base": "partial", "phases": ["adapt"]}
    run = {"strategies": ["partial", "hybrid"]}
    plan = planned(strategy={"hybrid": hybrid}, run=run)
    partial, both = (keys(plan[name, 0, "probe", "full"], "adapt") for name in run["strategies"])
    assert both[:2] == partial
    assert len(both) == 3


def test_features_without_adaptation_are_shared_by_seeds_and_shots(planned):
    plan = planned(run={"seeds": 3, "shots": [5, "full"]})
    none = [cell for cell in plan.values() if cell.strategy == "none"]
    assert len({key for cell in none for key in keys(cell, "features")}) == 1
    assert len({key for cell in none for key in keys(cell, "probe")}) == 6
    full = [cell for cell in plan.values() if cell.strategy == "full"]
    assert len({key for cell in full for key in keys(cell, "features")}) == 3


def test_random_weights_are_another_start_for_each_seed(planned):
    plan = planned(model={"weights": "none"}, run={"seeds": 2})
    starts = [plan["none", seed, "probe", "full"].stages[0] for seed in (0, 1)]
    assert starts[0].key != starts[1].key
    assert starts[0].label != starts[1].label


def test_fractal_pre_training_is_one_sunk_stage_for_all_cuts(planned):
    strategy = {"cut": {"cut": 2}}
    run = {"strategies": ["none", "cut", "full"]}
    plan = planned(model={"weights": "fractal"}, strategy=strategy, run=run)
    firsts = [cell.stages[0] for cell in plan.values()]
    assert {stage.kind for stage in firsts} == {"pretrain"}
    assert {stage.role for stage in firsts} == {"sunk"}
    assert len({stage.key for stage in firsts}) == 1


SAME = [
    {"carbon": {"pue": 1.5}},
    {"run": {"device": "cpu"}},
    {"title": "Another"},
    {"run": {"strategies": ["full", "none", "partial"]}},
]
EVERY_STAGE = [{"model": {"weights": "/w.safetensors", "image_size": 48}}]
FROM_PHASE_2 = [
    {"phase": {"adapt": {change: value}}}
    for change, value in {
        "epochs": 3, "learning_rate": 2e-3, "optimizer": "sgd", "batch_size": 8,
        "batch_norm": "train", "weight_decay": 0.1, "schedule": "cosine",
        "augmentation": "light", "objective": "simclr", "select": "last", "min_steps": 9,
    }.items()
]  # fmt: skip


@pytest.mark.parametrize("change", SAME, ids=str)
def test_what_decides_no_result_changes_no_key(planned, change):
    assert all_keys(planned(**change)) == all_keys(planned())


@pytest.mark.parametrize("change", EVERY_STAGE, ids=str)
def test_what_decides_everything_changes_every_key(planned, change):
    assert not all_keys(planned(**change)) & all_keys(planned())


@pytest.mark.parametrize("change", FROM_PHASE_2, ids=str)
def test_what_decides_a_phase_changes_it_and_what_follows(planned, change):
    cell = ("full", 0, "probe", "full")
    before, after = keys(planned()[cell]), keys(planned(**change)[cell])
    assert before[:2] == after[:2]
    assert not set(before[2:]) & set(after[2:])
    none = ("none", 0, "probe", "full")
    assert keys(planned()[none]) == keys(planned(**change)[none])


def test_the_verdict_alone_rests_on_how_it_is_judged(planned):
    cell = ("full", 0, "probe", "full")
    before = dict(zip(kinds(planned()[cell]), keys(planned()[cell]), strict=True))

    def changed(**changes):
        after = planned(**changes)[cell]
        return {k for k, v in zip(kinds(after), keys(after), strict=True) if before[k] != v} - {
            "adapt"
        }

    assert changed(evaluation={"bootstrap": 200}) == {"evaluate"}
    assert changed(evaluation={"severities": [1]}) == {"test-features", "evaluate"}
    assert changed(transfer={"probe": {"hidden": [4]}}) == {"probe", "evaluate"}


@pytest.mark.parametrize(
    ("digests", "kept"),
    [
        (
            Digests(
                {None: "other"}, {None: ("development", "external")}, {"test_resnet": "weights"}
            ),
            set(),
        ),
        (
            Digests({None: "pool"}, {None: ("other", "external")}, {"test_resnet": "weights"}),
            {"prefix", "adapt"},
        ),
        (
            Digests({None: "pool"}, {None: ("development", "other")}, {"test_resnet": "weights"}),
            {"prefix", "adapt", "features", "probe"},
        ),
        (
            Digests({None: "pool"}, {None: ("development", "external")}, {"test_resnet": "other"}),
            set(),
        ),
    ],
    ids=["pool", "development", "external", "weights"],
)
def test_changed_data_or_weights_keep_only_what_does_not_rest_on_them(planned, digests, kept):
    cell = ("full", 0, "probe", "full")
    before = {stage.key: stage.kind for stage in planned()[cell].stages}
    after = keys(planned(digests)[cell])
    assert {kind for key, kind in before.items() if key in after} == kept


def test_checkpoints_are_parts_of_one_phase(planned):
    kept = {"use": "adapt", "epochs": 6, "keep_checkpoints": 2}
    strategy = {
        "kept": {"phases": ["head", kept]},
        "short": {"phases": ["head", {"use": "adapt", "epochs": 4}]},
    }
    plan = planned(strategy=strategy, run={"strategies": ["kept", "short"]})
    ends = {name: keys(plan[name, 0, "probe", "full"], "adapt") for name in ("kept", "short")}
    assert ends["short"] == ends["kept"][:-1] == keys(plan["kept@4", 0, "probe", "full"], "adapt")
    assert [s.epochs for s in plan["kept", 0, "probe", "full"].stages[2:5]] == [2, 4, 6]


@pytest.mark.parametrize("rigid", [{"schedule": "poly"}, {"watch": {"on": ["val_loss"]}}])
def test_where_the_length_decides_the_steps_only_checkpoints_share_a_phase(planned, rigid):
    kept = {"use": "adapt", "epochs": 6, "keep_checkpoints": [2], **rigid}
    strategy = {
        "kept": {"phases": [kept]},
        "short": {"phases": [{"use": "adapt", "epochs": 2, **rigid}]},
    }
    plan = planned(strategy=strategy, run={"strategies": ["kept", "short"]})
    kept, early, short = (
        keys(plan[name, 0, "probe", "full"], "adapt") for name in ("kept", "kept@2", "short")
    )
    assert kept[:1] == early
    assert len(kept) == 2
    assert short != early


def test_a_phase_that_is_saved_on_the_way_is_a_chain_of_parts(planned):
    strategy = {
        "saved": {"phases": ["head", {"use": "adapt", "epochs": 7, "save_every": 3}]},
        "short": {"phases": ["head", {"use": "adapt", "epochs": 6}]},
    }
    plan = planned(strategy=strategy, run={"strategies": ["saved", "short"]})
    parts = [s for s in plan["saved", 0, "probe", "full"].stages if s.kind == "adapt"][1:]
    assert [part.epochs for part in parts] == [3, 6, 7]
    assert [part.earlier for part in parts] == [None, *parts[:-1]]
    assert [part.goes_on for part in parts] == [True, True, False]
    assert keys(plan["short", 0, "probe", "full"], "adapt")[1:] == [p.key for p in parts[:2]]
    assert not any(name.startswith("saved@") for name, *_ in plan)


def test_ones_own_code_decides_the_stages_that_run_it_and_no_others(planned):
    own = {"mine": {"kind": "augmentation", "code": "my_code:dim"}}

    def plan(digest):
        digests = replace(DIGESTS, own={"mine": digest})
        return planned(digests, own=own, phase={"adapt": {"augmentation": "mine"}})

    one, other, before = plan("a"), plan("b"), planned()
    for strategy, shared in (("none", 4), ("full", 2), ("partial", 2)):
        cell = (strategy, 0, "probe", "full")
        assert len({*keys(one[cell])} & {*keys(other[cell])}) == shared
        assert len({*keys(one[cell])} & {*keys(before[cell])}) == shared
    assert all_keys(plan("a")) == all_keys(one)
    network = {"kind": "network", "code": "my_code:build"}
    digests = [replace(DIGESTS, own={"test_resnet": digest}) for digest in "ab"]
    nets = [all_keys(planned(one, own={"test_resnet": network})) for one in digests]
    assert not nets[0] & nets[1]
