"""Every cell as one flat row: for spreadsheets, data frames and other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from greendapt.accounting.wall import LEFT_OUT
from greendapt.core.errors import RunError
from greendapt.core.text import for_sheet
from greendapt.report.formats.table import Format, text
from greendapt.report.view import bill_text
from greendapt.report.view.columns import Value, row_values
from greendapt.report.view.curves import mean_curves
from greendapt.report.view.estimates import by_setting
from greendapt.report.view.model import View
from greendapt.report.view.reached import draws_of
from greendapt.store.runinfo import RunData


def cells(run: RunData) -> list[dict[str, Value]]:
    """One row a cell, see `row_values`; all have the same columns, None where a cell has none.

    Of a part of a run, or of one that is not finished, a column ``caution`` says so.
    """
    caution: dict[str, Value] = {"caution": " ".join(run.cautions)} if run.cautions else {}
    table = [row_values(row) | caution for row in run.summary.rows]
    names = dict.fromkeys(name for row in table for name in row)
    return [{name: row.get(name) for name in names} for row in table]


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
    document = {
        "schema": 1,
        "title": view.title,
        "suite": view.suite,
        "profile": view.profile,
        "synthetic": view.synthetic,
        "started_at": run.info.started_at,
        "fingerprint": run.info.fingerprint,
        "version": run.info.version,
        "grid": run.info.grid.model_dump(),
        "energy_leaves_out": LEFT_OUT if run.info.meter.wall is None else None,
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
        "bill": bill_text.as_document(view.bill),
        "curves": _curves(run),
        "cells": cells(run),
        "failures": [failure.model_dump() for failure in run.summary.failures],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _curves(run: RunData) -> list[dict[str, Any]]:
    """Of each strategy on each set, means over seeds; none where a run kept none."""
    draws = draws_of(run.records)
    places = dict.fromkeys(place for details in draws.values() for place in details.curves)
    return [
        {
            **dict(zip(("backbone", "transfer", "shots"), where, strict=True)),
            "strategy": strategy,
            "set": place,
            **mean_curves(rows, draws, place).model_dump(),
        }
        for where, groups in by_setting(run.summary.rows).items()
        for strategy, rows in groups.items()
        for place in places
    ]


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


CSV = text("report.csv", lambda run, _: as_csv(cells(run)))
JSON = text("report.json", as_json)
PARQUET = Format("report.parquet", lambda run, _, name: {name: as_parquet(cells(run))})
