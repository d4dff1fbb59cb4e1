"""Phases in a row: LP-FT and gradual unfreezing train phase by phase what they say, no more."""

from itertools import pairwise

import pytest
from safetensors.torch import load_file

import greendapt
from greendapt.models.backbone import create_backbone
from greendapt.store.checkpoints import BACKBONE

SCHEDULES = {
    "strategy.lpft": {"phases": ["head", "adapt"]},
    "strategy.gradual": {
        "phases": [
            "head",
            {"use": "adapt", "train": "last:1", "epochs": 1},
            {"use": "adapt", "train": "last:2", "epochs": 1},
            "adapt",
        ]
    },
}


@pytest.fixture
def phases(tiny, tmp_path):
    """Of one backbone: the files of each strategy's phases, in order, by what each trains."""

    def run(backbone):
        changes = SCHEDULES | {
            "run.strategies": ["lpft", "gradual"],
            "model.backbones": [backbone],
            "phase.head.epochs": 1,
            "phase.adapt.epochs": 1,
        }
        suite = greendapt.load_suite(tiny, changes=changes)
        done = greendapt.run(suite, out=tmp_path, progress=False)
        assert not done.failures
        adapted = {one.key: one for one in done.records if one.kind == "adapt"}
        chains = {
            row.strategy: [load_file(done.path / "checkpoints" / key / BACKBONE) for key in own]
            for row in done.summary.rows
            if (own := [key for key in row.stages if key in adapted])
        }
        return chains, len(adapted)

    return run


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_each_phase_moves_its_own_units_and_leaves_the_bytes_of_the_others(phases, name):
    chains, stages = phases(name)
    backbone = create_backbone(name, image_size=32)
    units = len(backbone.units)
    expected = {
        "lpft": [{*range(units)}],
        "gradual": [{units - 1}, {units - 2, units - 1}, {*range(units)}],
    }
    for strategy, moves in expected.items():
        for (before, after), moved in zip(pairwise(chains[strategy]), moves, strict=True):
            changed = {
                backbone.unit_of(key)
                for key in after
                if after[key].numpy().tobytes() != before[key].numpy().tobytes()
            }
            assert changed == moved
    assert stages == 5  # the head's phase is done once for both
    heads = [chains[strategy][0] for strategy in expected]
    assert all((heads[0][key] == heads[1][key]).all() for key in heads[0])
