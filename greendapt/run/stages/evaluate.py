"""The verdict on a cell: what was trained downstream, judged on every set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from greendapt.core.curves import Curves
from greendapt.core.metrics import Corrupted, Metrics, Scores
from greendapt.core.packed import pack
from greendapt.core.records import EvaluateDetails, Kind, Role
from greendapt.run.context import Context
from greendapt.run.stages.base import Monitor, Outcome, Stage
from greendapt.run.stages.counted import Effort, Passes
from greendapt.run.stages.downstream import Downstream
from greendapt.run.stages.features import TestFeatures

_FEWER = 200  # draws of patients for each kind of corruption: there are many kinds


@dataclass(frozen=True, kw_only=True)
class Evaluation(Stage):
    """Of ``trained``, on the development test part, every external set, and corrupted copies.

    ``features``: of these sets, where a head on features is judged.
    """

    kind: ClassVar = Kind.EVALUATE
    role: ClassVar[Role] = "evaluation"

    trained: Downstream
    features: TestFeatures | None = None

    seed: int

    @classmethod
    def of(cls, trained: Downstream, features: TestFeatures | None = None) -> Evaluation:
        parents = (trained,) if features is None else (trained, features)
        return cls(
            ground=trained.ground,
            parents=parents,
            seed=trained.seed,
            trained=trained,
            features=features,
        )

    def _decides(self) -> dict[str, object]:
        evaluation, tests = self.ground.suite.evaluation, self.ground.tests
        decides = {"tests": tests, "bootstrap": evaluation.bootstrap}
        if self.trained.score == "auc" and evaluation.sensitivity is not None:
            decides["threshold"] = evaluation.sensitivity
        if self.trained.score == "auc" and evaluation.net_benefit is not None:
            decides["net_benefit"] = evaluation.net_benefit
        return {**self.trained.decides, **decides}

    @property
    def reads(self) -> tuple[Stage, ...]:
        """Thresholds are chosen on what the head learnt from, too."""
        return (*self.parents, *(self.trained.parents if self.features else ()))

    def _title(self) -> str:
        return f"test of {self.trained.cell_title}"

    def _pace(self) -> object:
        return self.trained.likeness

    @property
    def step_likeness(self) -> str:
        return f"{self.likeness} {self.trained.shots}"

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        judging, score = self.trained.judging(context, self.features), self.trained.score
        external: dict[str, Scores] = {}
        by: dict[str, Scores] = {}
        metrics = Metrics(development={}, external=external, corrupted=Corrupted(by=by))
        draws: dict[str, dict[str, str]] = {}
        curves: dict[str, Curves] = {}
        tests, wanted = context.tests(), context.suite.evaluation.bootstrap
        for number, test in enumerate(tests, start=1):
            role, _, name = test.name.partition(":")
            corrupted = role == "corrupted"
            scores, drawn, curves_of = judging.judge(
                test, min(wanted, _FEWER) if corrupted else wanted
            )
            kept = {score: drawn[score]} if corrupted else drawn
            if curves_of is not None:
                curves[test.name] = curves_of
            draws[test.name] = {metric: pack(values) for metric, values in kept.items()}
            if corrupted:
                by[name] = {score: scores[score]}
            if role == "development":
                metrics["development"] = scores
            elif role == "external":
                external[name] = scores
            monitor.on_progress(number / len(tests))
        metrics["corrupted"][score] = _mean(by, score)
        images = sum(len(test.images) for test in tests) + judging.looked_at
        details = EvaluateDetails(draws=draws, curves=curves)
        return Outcome(judging.flops * images, metrics=metrics, details=details)

    def _effort(self, context: Context) -> Effort:
        plain, corrupted = context.plain_tests, context.corrupted_tests
        images, wanted = plain + corrupted, context.suite.evaluation.bootstrap
        return Effort(
            self.trained.judging_flops(context) * (images + self.trained.looks_at(context)),
            images=images,
            drawn=wanted * plain + min(wanted, _FEWER) * corrupted,
            corrupted=0 if self.features else corrupted,
        )

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        del ranks
        return self.trained.judging_passes(context, batch)


def _mean(by: dict[str, Scores], score: str) -> float | None:
    values = [value for one in by.values() if isinstance(value := one[score], int | float)]
    return sum(values) / len(values) if values else None
