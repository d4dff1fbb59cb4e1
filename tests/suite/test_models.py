"""Suite models: what they fill in, and what they refuse."""

import copy
import tomllib

import pytest
from pydantic import ValidationError

from greendapt.suite.models import Carbon, Evaluation, Suite
from greendapt.suite.recipes import Phase, Use

TOML = """
schema = 1
name = "tiny"
title = "A tiny suite"
[run]
strategies = ["none", "full", "hybrid"]
transfers = ["linear"]
[model]
backbones = ["test_resnet"]
[data.pool]
source = "phantom"
[data.development]
source = "phantom"
hospital = "b"
[phase.head]
train = "head"
epochs = 2
learning_rate = 1e-3
[phase.adapt]
train = "all"
epochs = 3
learning_rate = 1e-4
[strategy.none]
[strategy.full]
phases = ["head", "adapt"]
[strategy.partial]
cut = 2
phases = ["head", { use = "adapt", train = "last:1", epochs = 7 }]
[strategy.hybrid]
base = "partial"
phases = [{ use = "adapt", batch_norm = "train" }]
[transfer.linear]
kind = "probe"
epochs = 5
learning_rate = 1e-3
[transfer.tuned]
kind = "finetune"
epochs = 5
learning_rate = 1e-3
"""


def suite(**changes):
    """The tiny suite with dotted keys set: ``suite(**{"run.seeds": 5})``."""
    table = copy.deepcopy(tomllib.loads(TOML))
    for key, value in changes.items():
        *path, last = key.split(".")
        at = table
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    return Suite.model_validate(table)


def test_phases_of_a_base_come_first_with_templates_filled_in():
    said = suite()
    head, adapt = said.phase["head"], said.phase["adapt"]
    partial = (head, adapt.model_copy(update={"train": "last:1", "epochs": 7}))
    assert said.phases("none") == ()
    assert said.phases("full") == (head, adapt)
    assert said.phases("partial") == partial
    assert said.phases("hybrid") == (*partial, adapt.model_copy(update={"batch_norm": "train"}))


def test_a_cut_is_inherited_and_can_be_replaced():
    assert suite().cut("none") is None
    assert suite().cut("hybrid") == 2
    assert suite(**{"strategy.hybrid.cut": 1}).cut("hybrid") == 1


def test_use_can_override_every_setting_of_a_phase():
    assert set(Use.model_fields) - {"use"} == set(Phase.model_fields)
    other = {
        "train": ("stem", "stage4"),
        "epochs": 9,
        "learning_rate": 0.5,
        "optimizer": "sgd",
        "batch_size": 3,
        "weight_decay": 0.1,
        "schedule": "cosine",
        "select": "last",
        "augmentation": "strong",
        "batch_norm": "affine",
        "objective": "simclr",
        "min_steps": 11,
    }
    said = suite(**{"strategy.full.phases": [{"use": "adapt", **other}]})
    assert said.phases("full") == (Phase(**other),)


@pytest.mark.parametrize(
    ("images", "batch", "epochs", "min_steps", "expected"),
    [
        (100, 10, 3, 0, 3),  # epochs as said
        (100, 10, 3, 30, 3),  # 30 steps are done anyway
        (100, 10, 3, 31, 4),
        (5, 16, 2, 100, 100),  # one step an epoch
        (17, 16, 1, 5, 3),  # two steps an epoch
    ],
)
def test_epochs_on(images, batch, epochs, min_steps, expected):
    recipe = Phase(
        train="all", learning_rate=1, epochs=epochs, batch_size=batch, min_steps=min_steps
    )
    assert recipe.epochs_on(images) == expected


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("run.strategies", ["ful"], "run.strategies: there is no 'ful' (there is: none, full"),
        ("run.transfers", ["mlp"], "run.transfers: there is no 'mlp' (there is: linear, tuned)"),
        ("strategy.full.phases", ["warm"], "strategy.full.phases: there is no 'warm'"),
        ("strategy.full.phases", [{"use": "warm"}], "strategy.full.phases: there is no 'warm'"),
        ("strategy.full.base", "fll", "strategy.full.base: there is no 'fll'"),
        ("strategy.full.base", "full", "strategy.full.base: a cycle, full -> full"),
        ("strategy.partial.base", "hybrid", "a cycle, hybrid -> partial -> hybrid"),
        ("phase.head.train", "last:0", "phase.head.train: 'last:0' is not 'head', 'last:N'"),
        ("phase.head.train", "last:²", "phase.head.train: 'last:²' is not"),
        ("phase.head.train", "most:1", "phase.head.train: 'most:1' is not"),
        ("phase.head.lora", {"rank": 0}, "phase.head.lora.rank"),
        (
            "phase.head",
            {"train": "head", "epochs": 1, "learning_rate": 1, "lora": {}, "ssf": {}},
            "one of lora",
        ),
        (
            "strategy.full.phases",
            [{"use": "adapt", "lora": {}, "ia3": {}}],
            "strategy.full.phases: one of lora",
        ),
        ("phase.head.train", "", "phase.head.train: '' is not"),
        ("phase.head.train", [], "phase.head.train: an empty list"),
        ("transfer.tuned.train", "last", "transfer.tuned.train: 'last' is not"),
        ("strategy.full.phases", [{"use": "adapt", "train": "x"}], "strategy.full.phases[0].train"),
    ],
)
def test_what_refers_to_nothing_is_refused_by_its_key(key, value, says):
    with pytest.raises(ValidationError) as caught:
        suite(**{key: value})
    assert says in str(caught.value)


def test_every_problem_is_told_at_once():
    with pytest.raises(ValidationError) as caught:
        suite(**{"run.strategies": ["x"], "run.transfers": ["y"], "phase.head.train": "z"})
    assert all(f"'{name}'" in str(caught.value) for name in "xyz")


@pytest.mark.parametrize(
    "table",
    ["", "run", "model", "data", "data.pool", "phase.head", "strategy.full", "transfer.linear"],
)
def test_unknown_keys_are_refused_in_every_table(table):
    key = f"{table}.nonsense".lstrip(".")
    with pytest.raises(ValidationError, match="nonsense"):
        suite(**{key: 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("name", "Has Space"),
        ("run.strategies", []),
        ("run.shots", [0]),
        ("run.seeds", 0),
        ("model.backbones", []),
        ("model.image_size", 8),
        ("phase.head.learning_rate", 0),
        ("phase.head.batch_norm", "thawed"),
        ("phase.head.epochs", 0),
        ("strategy.full.cut", 0),
        ("data.pool.source", "web"),
        ("data.pool_validation", 0.5),
        ("carbon.pue", 0.9),
        ("carbon.region", "sweden"),
        ("transfer.linear.kind", "svm"),
    ],
)
def test_values_out_of_range_are_refused(key, value):
    with pytest.raises(ValidationError):
        suite(**{key: value})


def test_a_suite_is_the_same_after_a_trip_through_json():
    said = suite()
    assert Suite.model_validate_json(said.model_dump_json(by_alias=True)) == said


@pytest.mark.parametrize("place", ["FRA", "USA-CA", "SWE-SE3", "gcp:us-west1", "EU", "WORLD"])
def test_a_grid_may_be_below_a_country_or_above(place):
    assert suite(**{"carbon.region": place}).carbon.region == place


@pytest.mark.parametrize("value", [60, 60.0, "60", "6e1"])
def test_an_intensity_in_quotes_is_a_number(value):
    assert Carbon(intensity_g_per_kwh=value).intensity_g_per_kwh == 60.0


def test_other_text_is_a_file_of_hours():
    assert Carbon(intensity_g_per_kwh="hours.csv").intensity_g_per_kwh == "hours.csv"


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, [1], "-1", "nan"])
def test_what_is_no_intensity_is_refused(value):
    with pytest.raises(ValidationError, match="0 or more gCO2e/kWh, or a CSV file"):
        Carbon(intensity_g_per_kwh=value)


def test_decision_curves_go_from_a_lower_probability_to_a_higher():
    assert Evaluation(net_benefit=(0.05, 0.5)).net_benefit == (0.05, 0.5)
    for wrong in [(0.5, 0.05), (0.1, 0.1), (0, 0.5), (0.1, 1)]:
        with pytest.raises(ValidationError, match="net_benefit"):
            Evaluation(net_benefit=wrong)
