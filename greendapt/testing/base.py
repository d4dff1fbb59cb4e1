"""What every contract asks of a plug-in, and a suite to see it at work in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from greendapt.core.registry import Registry
from greendapt.suite import suite_files
from greendapt.suite.models import Suite

if TYPE_CHECKING:
    from collections.abc import Mapping

_TINY: dict[str, Any] = {
    "name": "contract",
    "title": "A plug-in at work",
    "run": {"strategies": ["none", "full"], "transfers": ["probe"], "seeds": 1, "fast_step": False},
    "model": {"backbones": ["test_resnet"], "image_size": 32, "weights": "none"},
    "data": {
        "pool": {"source": "phantom", "images": 60, "seed": 1},
        "development": {"source": "phantom", "images": 80, "seed": 2},
    },
    "phase": {
        # random weights start blocks at a batch-norm scale of 0: frozen, they could never learn
        "adapt": {"train": "all", "epochs": 2, "learning_rate": 1e-3, "batch_norm": "affine"}
    },
    "strategy": {"none": {}, "full": {"phases": ["adapt"]}},
    "transfer": {"probe": {"kind": "probe", "epochs": 2, "learning_rate": 1e-3}},
    "evaluation": {"corruptions": ["noise"], "bootstrap": 100},
}


def tiny_suite(changes: Mapping[str, Any] | None = None) -> Suite:
    """A suite on synthetic images that runs in seconds; ``changes`` as `greendapt.load_suite`."""
    table = _TINY
    for key, value in (changes or {}).items():
        table = suite_files.overlay(table, suite_files.nested(key, value))
    return Suite.model_validate(table)


class Contract:
    """What holds for every plug-in. ``name``: that of its entry point."""

    name: ClassVar[str]
    registry: ClassVar[Registry[Any]]

    def test_it_is_had_by_its_name(self) -> None:
        listed = [one for one in self.registry.listed(load=True) if one.name == self.name]
        assert listed, f"no entry point of {self.registry.group} has the name '{self.name}'"
        assert not any(one.problem for one in listed), listed[0].problem
