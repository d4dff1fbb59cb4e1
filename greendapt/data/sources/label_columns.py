"""Labels of the rows of a table: one class an image, or several findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.core.remarks import Remark, note
from greendapt.core.text import plural
from greendapt.data.imageset import Labelling
from greendapt.data.labels import (
    NO_CLASS,
    NO_FINDING,
    UNCERTAIN,
    Names,
    Part,
    clashes,
    class_targets,
    finding,
    merge_columns,
    no_targets,
    plain,
    without_constant,
)
from greendapt.data.sources.base import NoLabels
from greendapt.data.sources.layouts import NONE, Layout
from greendapt.data.sources.listing import Listing, Row, listed
from greendapt.data.sources.read_tree import labelled
from greendapt.data.sources.tables import base

_DELIMITERS = ("|", ";", ",")
_QUOTES = " '\"[]"


@dataclass(frozen=True)
class Labels:
    """Of N rows. ``kept`` bool [N]: False for those left out for want of a label; ``targets`` are
    of the others. ``notes``: how they were read."""

    task: Labelling
    classes: tuple[str, ...]
    targets: NDArray[np.int64] | NDArray[np.float32]
    kept: NDArray[np.bool_]
    notes: tuple[Remark, ...] = ()


def unlabelled(rows: int) -> Labels:
    return Labels("unlabelled", (), no_targets(rows), np.ones(rows, dtype=bool))


def label_keys(listing: Listing, where: str) -> list[str]:
    """Keys of the label columns; ``*`` and no label at all mean every finding column.

    Raises NoLabels, which names the columns there are.
    """
    asked = listing.layout.label
    if asked is None and "label" in listing.columns:
        return ["label"]
    if asked is None or asked.strip() == "*":
        wanted = listing.findings
        missing = [] if wanted else ["label" if asked is None else "*"]
    else:
        names = [part.strip() for part in asked.split(",") if part.strip()]
        missing = [name for name in names if plain(name) not in listing.columns]
        wanted = [key for name in names for key in listing.columns if base(key) == plain(name)]
    if missing or not wanted:
        there = ", ".join(listing.columns.values()) or "no columns"
        raise NoLabels(
            f"{where} has no label column {' or '.join(map(repr, missing)) or repr('')}; "
            f"it has: {there}{' (DIR:COLUMN names one)' if listing.columns else ''}"
        )
    return wanted


def read_labels(
    listing: Listing, rows: Sequence[Row], keys: Sequence[str], names: Names, part: Part | None
) -> tuple[Labels, list[str]]:
    """The labels of ``rows`` by the columns ``keys``, and what is wrong with them."""
    findings = listing.findings
    if len(keys) > 1 or (keys[0] in findings and keys[0] != "label"):
        wrong = [listing.columns[key] for key in keys if key not in findings]
        if wrong:
            what = "columns are not findings (only 0, 1, -1 or empty cells)"
            return unlabelled(len(rows)), [listed(what, wrong)]
        return _columns(listing, rows, keys, names, part)
    return _cells(listing, rows, keys[0], names, part)


# --- a column a finding ---------------------------------------------------------------------


def _columns(
    listing: Listing, rows: Sequence[Row], keys: Sequence[str], names: Names, part: Part | None
) -> tuple[Labels, list[str]]:
    unsure = part.uncertain if part else np.nan
    cells = [[finding(row.cells[key], unsure) for key in keys] for row in rows]
    written = [listing.columns[key] for key in keys]
    classes, values = merge_columns(written, np.array(cells, dtype=np.float32), names)
    every = len(keys) == len(listing.findings)
    hot = listing.layout.one_hot
    one = (values == 1).sum(axis=1) == 1
    exclusive = len(classes) > 1 and bool((one & ~np.isnan(values).any(axis=1)).all())
    if hot or (hot is None and exclusive and not part):
        several = [row.shown for row, right in zip(rows, one, strict=True) if not right]
        if several:
            what = "rows have not exactly one 1 in the columns of one class"
            return unlabelled(len(rows)), [listed(what, several)]
        return _one_hot(classes, values, by_itself=hot is None), []
    told = _told(keys, listing)
    labels = Labels("multilabel", classes, values, np.ones(len(rows), dtype=bool), told)
    return (labels, []) if part else _differing(labels, every)


def _one_hot(classes: tuple[str, ...], values: NDArray[np.float32], by_itself: bool) -> Labels:
    which = values.argmax(axis=1)
    order = sorted({classes[k] for k in which})
    targets = np.array([order.index(classes[k]) for k in which], dtype=np.int64)
    cure = "; one_hot = false reads them as findings" if by_itself else ""
    text = f"Its {len(classes)} columns are one class: each row has exactly one 1{cure}."
    kept = np.ones(len(values), dtype=bool)
    return Labels("multiclass", tuple(order), targets, kept, (note(text),))


def _told(keys: Sequence[str], listing: Listing) -> tuple[Remark, ...]:
    if len(keys) > 1:
        twice = sorted({base(key) for key in keys if key != base(key)})
        some = f"; any of the columns named {', '.join(twice)}" if twice else ""
        return (note(f"Labels: {len(keys)} columns of findings{some}; -1 and empty are missing."),)
    return (note(f"Labels: the finding '{listing.columns[keys[0]]}'; -1 and empty are missing."),)


def _differing(labels: Labels, every: bool) -> tuple[Labels, list[str]]:
    """Without findings that are the same in every image, where ``every`` column was taken."""
    names, varies, left_out = without_constant(labels.classes, labels.targets)
    if not names or (left_out and not every):
        flat = [name for name in labels.classes if name not in names]
        what = "findings never differ between images"
        return unlabelled(len(labels.kept)), [listed(what, flat)]
    notes = (*labels.notes, *left_out)
    return Labels("multilabel", names, labels.targets[:, varies], labels.kept, notes), []


# --- a column of labels ---------------------------------------------------------------------


def _cells(
    listing: Listing, rows: Sequence[Row], key: str, names: Names, part: Part | None
) -> tuple[Labels, list[str]]:
    layout = listing.layout
    cells = [labelled(row.value(key), layout.labels) for row in rows]
    there = np.array([cell.lower() not in NO_CLASS | UNCERTAIN for cell in cells])
    lacking = [row.shown for row, has in zip(rows, there, strict=True) if not has]
    column = listing.columns[key]
    notes: list[Remark] = []
    if lacking and layout.missing is None:
        what = f"images have no label in the column '{column}'"
        how = " (missing = drop leaves them out; -1 is no label)"
        return unlabelled(len(rows)), [listed(what, lacking) + how]
    if lacking:
        text = f"{plural(len(lacking), 'image')} without a label in '{column}' were left out."
        notes.append(note(text))
    left = [cell for cell, has in zip(cells, there, strict=True) if has]
    if not left:
        return unlabelled(len(rows)), [f"no image has a label in the column '{column}'"]
    between = _delimiter(left, layout)
    read = _classes if between is None else _listed(between, layout.labels)
    labels, problems = read(left, names, part)
    if problems:
        return unlabelled(len(rows)), problems
    told = note(
        f"Labels: {len(labels.classes)} {_kind(labels)} in the column '{column}'{_by(between)}."
    )
    notes = [*([told] if rows[0].cells else []), *notes, *labels.notes]
    return Labels(labels.task, labels.classes, labels.targets, there, tuple(notes)), []


def _kind(labels: Labels) -> str:
    return "classes" if labels.task == "multiclass" else "findings"


def _by(delimiter: str | None) -> str:
    if delimiter is None:
        return ""
    return f", with '{delimiter}' between several (delimiter = none reads a cell as one label)"


def _delimiter(cells: Sequence[str], layout: Layout) -> str | None:
    """What stands between several labels of one cell: as the layout says, else what is seen."""
    if layout.delimiter is not None:
        return None if layout.delimiter == NONE else layout.delimiter
    alone = {plain(cell) for cell in cells}
    for between in _DELIMITERS:
        several = [cell.split(between) for cell in set(cells) if between in cell]
        parts = {plain(part.strip(_QUOTES)) for one in several for part in one}
        if several and (between == "|" or parts & alone):
            return between
    return None


def _listed(
    between: str, mapped: Mapping[str, str]
) -> Callable[[Sequence[str], Names, Part | None], tuple[Labels, list[str]]]:
    """Reads cells of several labels as findings."""

    def read(cells: Sequence[str], names: Names, part: Part | None) -> tuple[Labels, list[str]]:
        nothing = names(NO_FINDING)
        each = [
            {
                names(labelled(word.strip(_QUOTES), mapped))
                for word in cell.split(between)
                if word.strip(_QUOTES)
            }
            for cell in cells
        ]
        classes = tuple(sorted(set().union(*each) - {nothing}))
        if not classes:
            return unlabelled(len(cells)), [f"every image is '{nothing}'"]
        hot = np.array([[name in one for name in classes] for one in each], dtype=np.float32)
        labels = Labels("multilabel", classes, hot, np.ones(len(cells), dtype=bool))
        return (labels, []) if part else _differing(labels, every=True)

    return read


def _classes(cells: Sequence[str], names: Names, part: Part | None) -> tuple[Labels, list[str]]:
    alike = clashes(cells, names)
    if alike:
        return unlabelled(len(cells)), [
            f"{alike} would be one label: write them alike, or name both in [data.aliases]"
        ]
    classes, targets = class_targets(cells, names)
    if len(classes) < 2 and part is None:
        wrong = f"every image is '{classes[0]}'; at least two classes are needed"
        return unlabelled(len(cells)), [wrong]
    return Labels("multiclass", classes, targets, np.ones(len(cells), dtype=bool)), []
