"""Every cell as one flat row: for spreadsheets, data frames and other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from greendapt.core.errors import RunError
from greendapt.core.records import Row
from greendapt.core.text import for_sheet
from greendapt.report.view import estimates
from greendapt.report.view.model import View
from greendapt.store.runinfo import RunData

Value = str | int | float | bool | None


def cells(rows: Iterable[Row]) -> list[dict[str, Value]]:
    """One row a cell: names, metrics by their path, each figure with quality and bounds.

    All rows have the same columns; what a cell does not have is None.
    """
    found = [_cell(row) for row in rows]
    columns = dict.fromkeys(name for row in found for name in row)
    return [{name: row.get(name) for name in columns} for row in found]


def _cell(row: Row) -> dict[str, Value]:
    named: dict[str, Value] = {
        "strategy": row.strategy,
        "backbone": row.backbone,
        "seed": row.seed,
        "transfer": row.transfer,
        "shots": str(row.shots),
        "trainable_params": row.trainable_params,
    }
    named |= dict(_flat(row.metrics, ""))
    for name, figure in estimates.figures(row).items():
        named[name] = figure.value
        named[f"{name}_low"], named[f"{name}_high"] = figure.low, figure.high
        named[f"{name}_quality"] = figure.quality.value
    return named


def _flat(metrics: Mapping[str, Any], start: str) -> Iterator[tuple[str, Value]]:
    for name, value in metrics.items():
        path = f"{start}.{name}" if start else name
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield path, value


def as_csv(rows: Iterable[Mapping[str, Value]]) -> str:
    """CSV that a spreadsheet reads as text and numbers, never as a formula."""
    table = [{for_sheet(k): for_sheet(v) for k, v in row.items()} for row in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]) if table else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def as_json(run: RunData, view: View) -> str:
    """Verdicts and cells, with what is needed to read them."""
    said = {
        "schema": 1,
        "title": view.title,
        "suite": view.suite,
        "profile": view.profile,
        "synthetic": view.synthetic,
        "started_at": run.info.started_at,
        "fingerprint": run.info.fingerprint,
        "version": run.info.version,
        "grid": run.info.grid.model_dump(),
        "headline": view.headline,
        "caveats": view.caveats,
        "verdicts": [
            {
                "setting": panel.title,
                "kind": panel.verdict.kind,
                "best_buy": panel.verdict.buy or None,
                "sentences": panel.verdict.sentences,
            }
            for panel in view.panels
        ],
        "cells": cells(run.summary.rows),
        "failures": [failure.model_dump() for failure in run.summary.failures],
    }
    return json.dumps(said, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_parquet(rows: list[dict[str, Value]]) -> bytes:
    """The cells as one Parquet table. RunError without pyarrow, which is an extra."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise RunError(
            "--format parquet needs pyarrow, which is not installed; "
            "try: python -m pip install pyarrow (or take --format csv)"
        ) from error
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())
