"""What an objective has to be: see `greendapt.suite.objectives`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from greendapt import api
from greendapt.core.records import AdaptDetails, Kind
from greendapt.suite.objectives import OBJECTIVES
from greendapt.suite.recipes import Phase
from greendapt.testing.base import Contract, tiny_suite


class ObjectiveContract(Contract):
    """Of a class of `greendapt.suite.objectives.Objective`. ``settings``: the keys of a suite's
    ``objective`` table beside ``name``."""

    registry = OBJECTIVES
    settings: ClassVar[Mapping[str, Any]] = {}

    def test_settings_come_back_from_a_run_folder(self) -> None:
        phase = Phase.model_validate(
            {"train": "all", "epochs": 1, "learning_rate": 1.0} | self._said
        )
        assert phase.objective.name == self.name
        assert Phase.model_validate(phase.model_dump(mode="json")) == phase
        assert hash(phase.objective) == hash(phase.model_copy(deep=True).objective)

    def test_a_run_learns_from_it_what_was_planned(self, tmp_path: Path) -> None:
        run = api.run(tiny_suite({"phase.adapt": self._said}), out=tmp_path, progress=False)
        assert not run.failures, run.failures
        (record,) = (record for record in run.records if record.kind is Kind.ADAPT)
        assert isinstance(record.details, AdaptDetails)
        losses = record.details.train_loss
        assert len(losses) == 2
        assert all(math.isfinite(loss) for loss in losses), f"losses are {losses}"
        assert not record.details.uncounted, f"FLOPs miss {record.details.uncounted}"

    @property
    def _said(self) -> dict[str, Any]:
        return {"objective": {"name": self.name, **self.settings}, "select": "last"}
