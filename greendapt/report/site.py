"""A small static site of published runs: stable addresses, only what changed is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from greendapt.core.errors import RunError
from greendapt.disk.files import disk_errors, own, read_json, within, write_atomic
from greendapt.report import leaderboard, trend, words
from greendapt.report.charts.theme import CSS, colour, shape
from greendapt.report.formats import html
from greendapt.report.formats.table import FORMATS
from greendapt.report.public import Public
from greendapt.report.published import Published, published
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view

RECORD = "published.json"
PAGE = "index.html"
README = "README.md"
REPORT = "report.md"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Done:
    """What publishing changed, and how much of the site stayed as it was."""

    changed: tuple[Path, ...]
    same: int


def publish(runs: Sequence[Path], site: Path, name: str | None = None) -> Done:
    """Put the reports of ``runs`` on ``site`` and bring its index up to date.

    A run lies in a folder of its own, called as its run folder or ``name``; paths of the machine
    are left out. The index is a page and, in README.md, between two comments, a list. All is made
    before anything is written. RunError where a run cannot be read, or its place holds another.
    """
    if name is not None:
        _check_name(name)
    if name is not None and len(runs) != 1:
        raise RunError("--name names one run: give one RUN with it")
    files: dict[Path, bytes] = {}
    records = {record.name: record for record in _published(site)}
    for folder in runs:
        record, pages = _pages(folder, name or _slug(folder))
        before = records.get(record.name)
        if before is not None and before.identity != record.identity:
            raise RunError(
                f"{site / record.name} holds another run (started {before.started_at}); "
                "choose another place with --name"
            )
        records[record.name] = record
        files |= {site / record.name / file: data for file, data in pages.items()}
    files |= index_files(site, list(records.values()))
    for path in files:
        within(site, str(path.relative_to(site)))
    changed = [path for path, data in files.items() if _write_changed(path, data)]
    return Done(tuple(changed), len(files) - len(changed))


def _pages(folder: Path, name: str) -> tuple[Published, dict[str, bytes]]:
    run = load_run(folder)
    names = Public.of(run)
    run = names.run(run)
    seen = names.view(view(run))
    pages = FORMATS.get("html").make(run, seen, PAGE)
    pages |= FORMATS.get("md").make(run, seen, REPORT)
    digests = {file: hashlib.sha256(data).hexdigest() for file, data in sorted(pages.items())}
    record = published(run, seen, name).model_copy(update={"files": digests})
    return record, pages | {RECORD: (record.model_dump_json(indent=1) + "\n").encode()}


def _slug(folder: Path) -> str:
    """The run folder's name as a part of an address."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-.")
    if not _NAME.fullmatch(name):
        raise RunError(f"{folder} has no name fit for an address; give one with --name")
    return name


def _check_name(name: str) -> None:
    """RunError for a name that is not one plain part of an address."""
    if not _NAME.fullmatch(name):
        raise RunError(
            f"--name {name!r} is no part of an address: take a to z, 0 to 9, '.', '_' and '-'"
        )


def _published(site: Path) -> list[Published]:
    """The runs on the site, in the order of their names."""
    return [record_of(path.parent) for path in sorted(site.glob(f"*/{RECORD}"))]


def record_of(folder: Path) -> Published:
    """What ``published.json`` of a report says. RunError where there is none, or it is damaged
    or another's."""
    path = folder / RECORD
    if not path.exists():
        raise RunError(f"{folder} is no published report: it has no {RECORD}")
    damaged = RunError(f"{path} is damaged; delete its folder and publish the run again")
    try:
        record = Published.model_validate(
            read_json(within(folder.parent, f"{folder.name}/{RECORD}"))
        )
    except ValidationError as error:
        raise damaged from error
    # its name is a part of addresses: none but that of its folder, which is one
    if record.name != folder.name or not _NAME.fullmatch(record.name):
        raise damaged
    return record


def index_files(site: Path, runs: list[Published]) -> dict[Path, bytes]:
    """The index of these runs: the page, and the README where it has a place for it or is new."""
    path = site / README
    before = path.read_text(encoding="utf-8") if path.exists() else None
    text = leaderboard.readme(runs, before)
    readme = {} if text is None else {path: text.encode()}
    return {site / PAGE: _index(runs).encode(), **readme}


def _write_changed(path: Path, data: bytes) -> bool:
    """Write where the bytes differ, so that a site in git grows by what changed."""
    with suppress(OSError):
        if own(path).read_bytes() == data:
            return False
    with disk_errors(path, "--to"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    return True


def _index(runs: list[Published]) -> str:
    newest = sorted(runs, key=lambda run: (run.started_at, run.name), reverse=True)
    named = {"heads": leaderboard.HEADS, "board": leaderboard.lines(runs)}
    return html.render(
        "index.html.j2", {"runs": _lines(newest), "trends": _trends(newest), **named}
    )


def _lines(runs: Sequence[Published]) -> list[dict[str, Any]]:
    return [{"run": run, "date": words.moment(run.started_at)} for run in runs]


def _trends(newest: Sequence[Published]) -> list[dict[str, Any]]:
    """One a setting of each series that was published twice or more."""
    trends = []
    in_series = sorted(newest, key=lambda run: (run.series, run.started_at, run.name))
    for _, group in groupby(in_series, key=lambda run: run.series):
        runs = list(group)
        settings = dict.fromkeys(point.setting for run in runs for point in run.points)
        if len(runs) > 1:
            trends += [_trend(runs, setting) for setting in settings]
    return trends


def _trend(runs: Sequence[Published], setting: str) -> dict[str, Any]:
    fields = ["auc", *(["cost"] if all(run.cost == runs[0].cost != "" for run in runs) else [])]
    rows = trend.rows(runs, setting)
    marks = {row["strategy"]: row["mark"] for row in rows}
    by = {(row["strategy"], row["run"]): row for row in rows}
    return {
        "title": f"{runs[-1].suite}, profile {runs[-1].profile}: {setting}",
        "charts": [
            html.inline_svg(trend.trend_spec(runs, setting, field, CSS)) for field in fields
        ],
        "runs": runs,
        "changed": {run.name for run in trend.machine_changes(runs)},
        "rows": [
            {
                "name": name,
                "shape": shape(mark),
                "colour": colour(CSS, mark),
                "cells": [_cell(by.get((name, run.name))) for run in runs],
            }
            for name, mark in marks.items()
        ],
        "alt": f"{setting}: development score and cost of each strategy by run, as in the table",
    }


def _cell(row: dict[str, Any] | None) -> tuple[str, str]:
    if row is None or row["auc"] is None:
        return words.MISSING, ""
    return words.number(row["auc"]), row["cost_said"]
