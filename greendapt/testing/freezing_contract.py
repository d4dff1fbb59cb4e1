"""What a freezing rule has to be: see `greendapt.suite.freezing`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from greendapt import api
from greendapt.core.records import AdaptDetails, Kind
from greendapt.suite.freezing import FREEZING, Freezing
from greendapt.testing.base import Contract, tiny_suite

_MOVES = [(1.0, 2.0, 4.0, 8.0), (1.0, 1.0, 3.0, 2.0), (0.5, 0.0, 3.0, 4.0)]


class FreezingContract(Contract):
    """Of a class of `greendapt.suite.freezing.Freezing`. ``settings``: the keys of a suite's
    ``freeze`` table beside ``rule``."""

    registry = FREEZING
    settings: ClassVar[Mapping[str, Any]] = {}

    def test_settings_come_back_from_a_run_folder(self) -> None:
        read = self._rule()
        assert read.rule == self.name
        assert type(read).model_validate(read.model_dump(mode="json")) == read

    def test_it_freezes_by_moves_alone(self) -> None:
        for count in range(1, len(_MOVES) + 1):
            front = self._rule().frozen(0, _MOVES[:count], len(_MOVES))
            assert front == self._rule().frozen(0, _MOVES[:count], len(_MOVES)), "not the same"
            assert front >= 0, f"it freezes {front} units"
            rates = self._rule().rates(_MOVES[:count])
            assert len(rates) == len(_MOVES[0]), "one factor for each unit"
            assert min(rates) >= 0, "a learning rate below 0"

    def test_a_run_heeds_it(self, tmp_path: Path) -> None:
        phase = {"train": "all", "epochs": 3, "freeze": {"rule": self.name, **self.settings}}
        run = api.run(tiny_suite({"phase.adapt": phase}), out=tmp_path, progress=False)
        assert not run.failures, run.failures
        (adapted,) = (record.details for record in run.records if record.kind is Kind.ADAPT)
        assert isinstance(adapted, AdaptDetails)
        assert len(adapted.frozen_units) == 3

    def _rule(self) -> Freezing:
        table = {"rule": self.name, **self.settings}
        rule: Freezing = self.registry.get(self.name).model_validate(table)
        return rule
