"""What a stop rule has to be: see `greendapt.suite.stop_rules`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from greendapt import api
from greendapt.core.records import AdaptDetails, Kind
from greendapt.suite.stop_rules import STOP_RULES, Look, Rule, StopRule
from greendapt.testing.base import Contract, tiny_suite

_EPOCHS = 4


class StopRuleContract(Contract):
    """Of a class of `greendapt.suite.stop_rules.StopRule`. ``settings``: the keys of a suite's
    ``stop`` table beside ``rule``."""

    registry = STOP_RULES
    settings: ClassVar[Mapping[str, Any]] = {}

    def test_settings_come_back_from_a_run_folder(self) -> None:
        read = self._settings()
        assert read.rule == self.name
        assert type(read).model_validate(read.model_dump(mode="json")) == read

    def test_it_decides_on_looks_alone(self) -> None:
        scores = (0.1, 0.5, None, 0.4) if self._settings().scored else (None,) * _EPOCHS
        looks = [Look(i, score, 10.0 * i, 1.0 * i) for i, score in enumerate(scores, start=1)]
        for count in range(1, _EPOCHS + 1):
            decision = self._rule().decide(looks[:count])
            assert 0 <= decision.keep < count, f"it keeps look {decision.keep} of {count}"
            assert self._rule().decide(looks[:count]) == decision, "not the same for the same looks"

    def test_a_run_looks_at_it(self, tmp_path: Path) -> None:
        phase = {"epochs": _EPOCHS, "stop": {"rule": self.name, **self.settings}}
        run = api.run(tiny_suite({"phase.adapt": phase}), out=tmp_path, progress=False)
        assert not run.failures, run.failures
        (phase_of,) = (record.details for record in run.records if record.kind is Kind.ADAPT)
        assert isinstance(phase_of, AdaptDetails)
        assert phase_of.looks, "no look was taken"

    def _settings(self) -> StopRule:
        table = {"rule": self.name, **self.settings}
        settings: StopRule = self.registry.get(self.name).model_validate(table)
        return settings

    def _rule(self) -> Rule:
        return self._settings().for_phase(_EPOCHS, "best")
