"""Recorded trajectories: one's own run or table, or the released ones of arXiv 2410.18677."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from greendapt.core.errors import DataError
from greendapt.stats.series import Floats, Series, mean
from greendapt.store.cells import Row, number, read_rows, whole_number
from greendapt.store.run import RunFolder
from greendapt.store.run_trajectories import trajectories

_OWN = ("series", "dataset", "seed", "epoch", "quality")
_SPENT = ("energy_j", "wall_s")
_DOWNSTREAM = "downstream_scores.csv"
_ROBUSTNESS = "robustness_scores.csv"
_POINTS = 100.0
"""Dice in points."""

Curve = Mapping[int, float]
"""Epoch -> value."""


def read_trajectories(path: Path) -> list[Series]:
    """A run folder, a table of one's own (.csv), or a folder with the tables of arXiv 2410.18677.

    A table: a row a series, seed and epoch, with columns series, dataset, seed, epoch and
    quality (higher is better), energy_j and wall_s if metered; any further column is a score, of
    which lower is better where its name starts with a minus. Raises DataError, or
    RunError for a run that is not whole.
    """
    if (path / "run.json").is_file():
        return _of_run(path)
    if path.is_dir():
        return _released(path)
    rows = read_rows(path, _OWN)
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["series"], row["dataset"]].append(row)
    further = [name for name in rows[0] if name not in (*_OWN, *_SPENT)]
    return [_own(path, name, dataset, part, further) for (name, dataset), part in groups.items()]


def _of_run(path: Path) -> list[Series]:
    run = RunFolder(path).finished()
    series = trajectories(run)
    if not series:
        raise DataError(
            f"{path} has no strategy with two finished checkpoints; set keep_checkpoints in the "
            "last phase of one"
        )
    return series


def _own(path: Path, name: str, dataset: str, rows: list[Row], further: list[str]) -> Series:
    epochs = sorted({whole_number(path, row, "epoch") for row in rows})
    if epochs[0] < 0 or epochs[-1] < 1:
        raise DataError(
            f"{path}: series '{name}' has epochs from {epochs[0]} to {epochs[-1]}; they count "
            "from 0, and at least one must be trained"
        )

    def along(column: str) -> Floats:
        return _means(
            ((whole_number(path, r, "epoch"), number(path, r, column)) for r in rows), epochs
        )

    quality = _by_seed(
        ((r["seed"], whole_number(path, r, "epoch"), number(path, r, "quality")) for r in rows),
        epochs,
    )
    if np.isnan(mean(quality)).any():
        raise DataError(f"{path}: series '{name}' has an epoch without any quality")
    spent = {key: along(key) for key in _SPENT if key in rows[0]}
    return Series(
        name,
        dataset,
        np.array(epochs),
        quality,
        {key.removeprefix("-"): (-1 if key[0] == "-" else 1) * along(key) for key in further},
        energy_j=spent.get("energy_j"),
        wall_s=spent.get("wall_s"),
    )


# --- the released tables --------------------------------------------------------------------

_ENCODERS = {
    "ResNet50 Attention U-Net": "resnet50",
    "basic U-Net": "u-net_encoder",
    "Swin U-Net": "swin_transformer",
}
_DISTANCES = {"cosine_distance": "cosine", "inv_pearson_corr": "pearson", "l2_loss": "l2"}
_DEFAULT = "robustness:cosine:0.5:pooled:-2"


def _released(path: Path) -> list[Series]:
    """A series for each model, dataset, frozen or not, and scheme, from epoch 1 on: only half of
    them have epoch 0. Scores: ``robustness`` (the paper's default), every variant of it as
    ``robustness:DISTANCE:MARGIN:pooled|whole:LEVEL`` with levels from the end, and
    ``source_accuracy``. Quality is Dice in points."""
    table = path / _DOWNSTREAM
    wanted = ("model", "dataset", "pretraining length", "freeze encoder", "pretraining scheme")
    rows = read_rows(table, (*wanted, "seed", "ImageNet accuracy", "dice index", "mean dice index"))
    scores = _robustness(path / _ROBUSTNESS)
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if whole_number(table, row, "pretraining length") > 0:
            dataset = row["dataset"].removesuffix("Dataset")
            key = (row["model"], dataset, row["freeze encoder"], row["pretraining scheme"])
            groups[key].append(row)
    return [_release(table, key, part, scores) for key, part in sorted(groups.items())]


def _release(
    path: Path,
    key: tuple[str, ...],
    rows: list[Row],
    robustness: Mapping[tuple[str, str, str], Mapping[str, Curve]],
) -> Series:
    model, dataset, frozen, scheme = key
    epochs = sorted({whole_number(path, row, "pretraining length") for row in rows})
    encoder = _ENCODERS.get(model)
    if encoder is None:
        raise DataError(f"{path}: the model '{model}' is none of {', '.join(_ENCODERS)}")
    quality = _by_seed(
        (
            (row["seed"], whole_number(path, row, "pretraining length"), _POINTS * _dice(path, row))
            for row in rows
        ),
        epochs,
    )
    accuracy = _means(
        (
            (whole_number(path, r, "pretraining length"), number(path, r, "ImageNet accuracy"))
            for r in rows
        ),
        epochs,
    )
    curves = robustness.get((encoder, _plain(dataset), scheme), {})
    scores = {
        name: -np.array([curve.get(epoch, math.nan) for epoch in epochs])
        for name, curve in curves.items()
    }
    if _DEFAULT in scores:
        scores["robustness"] = scores[_DEFAULT]
    name = f"{model}, {dataset}, {'frozen' if frozen == 'True' else 'trained'}, {scheme}"
    return Series(name, dataset, np.array(epochs), quality, scores | {"source_accuracy": accuracy})


def _dice(path: Path, row: Row) -> float:
    return number(path, row, "dice index" if row["dice index"] else "mean dice index")


def _robustness(path: Path) -> dict[tuple[str, str, str], dict[str, dict[int, float]]]:
    """(encoder, dataset, scheme) -> variant -> epoch -> score; duplicate rows are averaged."""
    columns = ("dataset", "metric", "margin", "encoder", "pretraining_scheme", "pooled", "level")
    rows = read_rows(path, (*columns, "pretraining_length", "robustness"))
    deepest: dict[str, int] = defaultdict(int)
    for row in rows:
        deepest[row["encoder"]] = max(deepest[row["encoder"]], whole_number(path, row, "level"))
    robustness: dict[tuple[str, str, str], dict[str, dict[int, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in rows:
        level = whole_number(path, row, "level") - deepest[row["encoder"]] - 1
        pooled = "pooled" if row["pooled"] == "True" else "whole"
        distance = _DISTANCES.get(row["metric"], row["metric"])
        variant = f"robustness:{distance}:{number(path, row, 'margin'):g}:{pooled}:{level}"
        scheme = row["pretraining_scheme"].removesuffix("_training")
        of = robustness[row["encoder"], _plain(row["dataset"]), scheme][variant]
        of[whole_number(path, row, "pretraining_length")].append(number(path, row, "robustness"))
    return {
        key: {
            variant: {epoch: math.fsum(values) / len(values) for epoch, values in curve.items()}
            for variant, curve in variants.items()
        }
        for key, variants in robustness.items()
    }


def _plain(dataset: str) -> str:
    return dataset.removesuffix("Dataset").replace("-", "").lower()


def _means(values: Iterable[tuple[int, float]], epochs: list[int]) -> Floats:
    """The mean of each epoch's values [T]; NaN where there is none."""
    by_epoch: dict[int, list[float]] = defaultdict(list)
    for epoch, value in values:
        if not math.isnan(value):
            by_epoch[epoch].append(value)
    return np.array([np.mean(by_epoch[e]) if e in by_epoch else math.nan for e in epochs])


def _by_seed(values: Iterable[tuple[str, int, float]], epochs: list[int]) -> Floats:
    """[S, T]; duplicate rows are averaged."""
    seeds: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for seed, epoch, value in values:
        seeds[seed].append((epoch, value))
    return np.stack([_means(seeds[seed], epochs) for seed in sorted(seeds)])
