"""Recorded runs of everything as a table that races are replayed on: no image, no patient.

A CSV file with a row a trained network. Its columns: what `Question` names; ``strategy``, ``seed``
and ``epoch`` (empty at the end of its training); ``quality``, AUC or Dice, and the same on more
patients as ``truth`` (may be empty); ``trained`` parameters; ``flops`` of adaptation and transfer;
``patients`` of the test part; ``stages``, what the network needed, each as KEY:FLOPS; ``draws``,
the quality on patients drawn anew, as `greendapt.core.packed` has it, in two bytes each.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from greendapt.core.errors import DataError
from greendapt.core.packed import HALF, pack, unpack
from greendapt.stats.crossed import Sample
from greendapt.stats.race_replay import Cell, Question, Recorded
from greendapt.store.cells import Row, number, read_rows, whole_number

COLUMNS = (
    *Question._fields,
    *("strategy", "epoch", "seed", "quality", "truth", "trained", "flops", "patients"),
    *("stages", "draws"),
)
_ENOUGH = 2  # seeds, and strategies


def read_race_table(path: Path, margin: float) -> list[Recorded]:
    """Its questions, with that margin. Raises DataError."""
    groups: dict[Question, list[Row]] = {}
    for row in read_rows(path, COLUMNS):
        question = Question(*(row[name].strip() for name in Question._fields))
        groups.setdefault(question, []).append(row)
    return [_recorded(path, margin, question, rows) for question, rows in groups.items()]


def _recorded(path: Path, margin: float, question: Question, rows: Sequence[Row]) -> Recorded:
    of = {_cell(path, row): row for row in rows}
    where = f"{path}: {', '.join(question)}"
    if len(of) < len(rows):
        raise DataError(f"{where}: a strategy, seed and epoch is there twice")
    whole: dict[str, dict[int, Row]] = {}
    for cell, row in of.items():
        if cell.epoch is None:
            whole.setdefault(cell.strategy, {})[cell.seed] = row
    whole = dict(sorted(whole.items(), key=lambda one: _average(path, one[1], "flops")))
    _check(where, whole)
    stages = {cell: _stages(path, row) for cell, row in of.items()}
    samples = {name: _sample(path, of_seed) for name, of_seed in whole.items()}
    lengths = {len(one.draws.get(seed, ())) for one in samples.values() for seed in one.values}
    if len(lengths) > 1:
        raise DataError(f"{where}: the column draws holds as many of each network, or none of any")
    if not any(sum(one.values()) for one in stages.values()):
        raise DataError(f"{where}: the column stages says of no stage what it took")
    said: dict[str, float] = {}
    for key, flops in (one for of_cell in stages.values() for one in of_cell.items()):
        if said.setdefault(key, flops) != flops:
            raise DataError(f"{where}: the column stages says two things of stage {key}")
    truths = {name: _average(path, of_seed, "truth") for name, of_seed in whole.items()}
    return Recorded(
        question,
        margin,
        samples,
        {name: _average(path, of_seed, "flops") for name, of_seed in whole.items()},
        stages,
        {cell: _share(path, row) for cell, row in of.items() if cell.epoch is not None},
        {n: int(_average(path, of_seed, "trained")) for n, of_seed in whole.items()},
        {} if any(map(math.isnan, truths.values())) else truths,
    )


def _check(where: str, whole: Mapping[str, Mapping[int, Row]]) -> None:
    seeds = {frozenset(of_seed) for of_seed in whole.values()}
    if len(whole) < _ENOUGH:
        raise DataError(f"{where}: a race is between two strategies or more")
    if len(seeds) > 1 or len(next(iter(seeds))) < _ENOUGH:
        raise DataError(f"{where}: every strategy needs the same seeds, two or more")


def _cell(path: Path, row: Row) -> Cell:
    epoch = whole_number(path, row, "epoch") if row["epoch"].strip() else None
    return Cell(row["strategy"], epoch, whole_number(path, row, "seed"))


def _sample(path: Path, of_seed: Mapping[int, Row]) -> Sample:
    drawn = {seed: _draws(path, row) for seed, row in of_seed.items()}
    return Sample(
        {seed: _share(path, row) for seed, row in of_seed.items()},
        {seed: draws for seed, draws in drawn.items() if len(draws)},
        max(whole_number(path, row, "patients") for row in of_seed.values()),
    )


def _draws(path: Path, row: Row) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        draws = unpack(row["draws"], HALF)
    except ValueError as error:
        raise DataError(f"{path}: the column draws: {error}") from error
    if ((draws < 0) | (draws > 1)).any():
        raise DataError(f"{path}: the column draws holds a number that is not from 0 to 1")
    return draws


def _stages(path: Path, row: Row) -> dict[str, float]:
    stages = {}
    for one in row["stages"].split():
        key, _, flops = one.rpartition(":")
        stages[key] = _of(path, {"stages": flops}, "stages")
    return stages


def _share(path: Path, row: Row) -> float:
    value = number(path, row, "quality")
    if not 0 <= value <= 1:
        raise DataError(f"{path}: '{row['quality']}' in the column quality is not from 0 to 1")
    return value


def _of(path: Path, row: Row, column: str) -> float:
    value = number(path, row, column)
    if not value >= 0:
        raise DataError(f"{path}: '{row[column]}' in the column {column} should be 0 or more")
    return value


def _average(path: Path, of_seed: Mapping[int, Row], column: str) -> float:
    read = number if column == "truth" else _of
    return float(np.mean([read(path, row, column) for row in of_seed.values()]))


def race_table(recorded: Iterable[Recorded], draws: int) -> str:
    """As `read_race_table` reads it, with the first so many ``draws``; stages by number."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(row for one in recorded for row in _rows(one, draws))
    return text.getvalue()


def _rows(recorded: Recorded, draws: int) -> Iterator[list[object]]:
    keys = dict.fromkeys(key for stages in recorded.stages.values() for key in stages)
    numbers = {key: number for number, key in enumerate(keys)}
    for cell, stages in recorded.stages.items():
        name, epoch, seed = cell
        sample, truth = recorded.samples[name], recorded.truths.get(name)
        ended = epoch is None
        quality = sample.values[seed] if ended else recorded.early[cell]
        drawn = sample.draws.get(seed, np.empty(0))[:draws] if ended else ()
        yield [
            *recorded.question,
            *(name, "" if ended else epoch, seed, f"{quality:.5f}"),
            "" if truth is None else f"{truth:.5f}",
            *(recorded.trained.get(name, 0), f"{recorded.costs[name]:.4g}", sample.patients),
            " ".join(f"{numbers[key]}:{flops:.3g}" for key, flops in stages.items()),
            pack(drawn, HALF),
        ]
