"""``published.json``: a published run in one line, and its cells."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from greendapt.core.keys import key_of
from greendapt.core.text import visible
from greendapt.report import words
from greendapt.report.view.model import Entry, Panel, View
from greendapt.store.runinfo import RunData
from greendapt.suite.datasets import Dataset, MergedData


class Point(BaseModel):
    """One strategy of one published run; ``low`` and ``high``: of its score, 95%."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    backbone: str = ""
    setting: str
    strategy: str
    mark: int
    auc: float | None
    low: float | None = None
    high: float | None = None
    cost: float | None
    cost_said: str
    training_flops: float | None = None


class Published(BaseModel):
    """``published.json``. What came after its first version has a default."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    name: str
    title: str
    suite: str
    profile: str
    synthetic: bool
    dataset: str = ""
    """What the downstream task is of: a folder's last name, a preset, phantom."""
    started_at: str
    fingerprint: str
    machine: str
    version: str
    headline: str
    verdicts: dict[str, str] = {}
    """By setting: the best buy, or what sort of answer it is (undecided, none, ...)."""
    command: str = ""
    """What ran, its paths cut down to their last names."""
    series: str
    """Runs of one series asked the same of the same data, so that their cells compare."""
    cost: str
    points: tuple[Point, ...]
    files: dict[str, str] = {}
    """SHA-256 of the report's other files, by name."""

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.suite, self.started_at, self.fingerprint


def published(run: RunData, view: View, name: str) -> Published:
    """What the site keeps of a run."""
    info = run.info
    gpu = info.environment.get("gpu")
    machine = info.environment.get("cpu", "") if gpu in (None, "none") else gpu
    model = info.suite.model
    data = {role: [one.name, one.images] for role, one in info.data.named()}
    return Published(
        name=name,
        title=view.title,
        suite=view.suite,
        profile=view.profile,
        synthetic=view.synthetic,
        dataset=dataset_name(info.suite.data.development),
        started_at=info.started_at,
        fingerprint=info.fingerprint,
        machine=visible(str(machine)),
        version=info.version,
        headline=view.headline,
        verdicts=verdicts(view),
        command=view.command,
        series=key_of(suite=view.suite, profile=view.profile, data=data, size=model.image_size),
        cost=view.cost_key or "",
        points=points(view),
    )


def points(view: View) -> tuple[Point, ...]:
    return tuple(
        _point(panel, entry, view.cost_key) for panel in view.panels for entry in panel.entries
    )


def verdicts(view: View) -> dict[str, str]:
    return {panel.title: panel.verdict.buy or panel.verdict.kind for panel in view.panels}


def dataset_name(spec: Dataset) -> str:
    """What a dataset is called without saying where it lies."""
    if isinstance(spec, MergedData):
        return " + ".join(map(dataset_name, spec.sources))
    for key in ("preset", "dataset", "path", "name"):
        if value := getattr(spec, key, None):
            return re.split(r"[/\\]+", str(value).rstrip("/\\"))[-1]
    return spec.source


def _point(panel: Panel, entry: Entry, cost: str | None) -> Point:
    score = entry.score
    return Point(
        backbone=panel.backbone,
        setting=panel.title,
        strategy=entry.name,
        mark=entry.mark,
        auc=score.mean if score else None,
        low=score.low if score else None,
        high=score.high if score else None,
        cost=_mean(entry, cost),
        cost_said=words.cost(entry.costs[cost]) if cost else "",
        training_flops=_mean(entry, "training_flops"),
    )


def _mean(entry: Entry, key: str | None) -> float | None:
    cost = entry.costs.get(key) if key else None
    return cost.estimate.mean if cost and cost.estimate else None
