"""What a train set has to be: see `greendapt.suite.trainable`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from greendapt import api
from greendapt.suite.trainable import TRAIN_SETS, TrainSet, Units
from greendapt.testing.base import Contract, tiny_suite

_BACKBONE = Units("test_resnet", (0, 1, 1, 2, 2, 3, 3, 4, 4))


class TrainSetContract(Contract):
    """Of a class of `greendapt.suite.trainable.TrainSet`. ``argument``: what a suite may write
    behind ``NAME:``; empty where it writes the name alone. ``wrong``: what it may not."""

    registry = TRAIN_SETS
    argument: ClassVar[str] = ""
    wrong: ClassVar[str] = "?"

    def test_its_text_is_read(self) -> None:
        assert self._parsed() == self._parsed(), "the same text is not the same train set"
        assert hash(self._parsed()) == hash(self._parsed()), "make it a frozen dataclass"
        try:
            self.registry.get(self.name).parse(self.wrong)
        except ValueError:
            return
        raise AssertionError(f"parse('{self.wrong}') has to raise ValueError")

    def test_its_units_are_units_of_the_backbone(self) -> None:
        units = self._parsed().units(_BACKBONE)
        assert units <= frozenset(range(len(_BACKBONE.stages))), f"there is no unit {max(units)}"
        if self._parsed().freezes_stem:
            assert 0 not in units, "the stem trains, and freezes_stem says it does not"
        assert self._parsed().may_move_frozen(self._parsed()) in (True, False)

    def test_a_run_trains_it(self, tmp_path: Path) -> None:
        text = f"{self.name}:{self.argument}" if self.argument else self.name
        run = api.run(tiny_suite({"phase.adapt.train": text}), out=tmp_path, progress=False)
        assert not run.failures, run.failures

    def _parsed(self) -> TrainSet:
        train_set: TrainSet = self.registry.get(self.name).parse(self.argument)
        return train_set
