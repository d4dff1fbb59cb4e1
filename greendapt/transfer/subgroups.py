"""The AUC of groups of patients: by sex, age, view, site or source, where there are enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from greendapt.data.sources.subgroups import UNKNOWN
from greendapt.stats.intervals import (
    Floats,
    Statistic,
    cluster_bootstrap,
    log_odds,
    weighted_macro_auc,
)

ENOUGH = 20
"""Patients: of fewer nothing is said, neither how well they are served nor how many they are."""


def by_group(
    logits: ArrayLike,
    targets: ArrayLike,
    patients: ArrayLike,
    groups: Mapping[str, NDArray[np.str_]],
    bootstrap: int,
) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Of logits (N, K) and targets as `judge` takes them, and by kind the group of each image (N,):

    ``auc_by_KIND`` and ``patients_by_KIND``, by group; and draws ``auc_by_KIND:GROUP``
    (bootstrap,), of the same patients for all groups. A kind with fewer than two groups of
    `ENOUGH` patients that have an AUC is left out.
    """
    raw, true = np.asarray(logits, dtype=np.float64), np.asarray(targets)
    scores = log_odds(raw) if true.ndim == 1 else raw
    people = np.asarray(patients)
    told: dict[str, Any] = {}
    drawn: dict[str, Floats] = {}
    for kind, of in groups.items():
        counts = _patients(of, people)
        rows = {name: of == name for name in counts}
        areas = {name: weighted_macro_auc(true[here], scores[here]) for name, here in rows.items()}
        values = {
            name: float(area(np.ones((1, int(rows[name].sum()))))[0])
            for name, area in areas.items()
        }
        known = [name for name, value in values.items() if math.isfinite(value)]
        if len(known) < 2:
            continue
        told[f"auc_by_{kind}"] = {name: values[name] for name in known}
        told[f"patients_by_{kind}"] = {name: float(counts[name]) for name in known}
        statistic = _columns({name: (rows[name], areas[name]) for name in known})
        draws = cluster_bootstrap(statistic, people, bootstrap)
        drawn |= {f"auc_by_{kind}:{n}": d for n, d in zip(known, draws.T, strict=True)}
    return told, drawn


def _patients(of: NDArray[np.str_], people: NDArray[Any]) -> dict[str, int]:
    """How many each group that is known has, of those that have enough."""
    names, group = np.unique(of, return_inverse=True)
    _, person = np.unique(people, return_inverse=True)
    pairs = np.unique(np.stack([group, person]), axis=1)
    counts = dict(zip(names.tolist(), np.bincount(pairs[0]).tolist(), strict=True))
    return {
        name: count for name, count in counts.items() if count >= ENOUGH and name.lower() != UNKNOWN
    }


def _columns(groups: Mapping[str, tuple[NDArray[np.bool_], Statistic]]) -> Statistic:
    """One column a group: its statistic of the weights of its images."""
    return lambda weights: np.column_stack(
        [area(weights[:, here]) for here, area in groups.values()]
    )
