"""Rows of a table as used: one an image, of images that are there, with split and patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.core.remarks import note
from greendapt.core.text import plural
from greendapt.data.labels import MISSING, NO_CLASS, plain
from greendapt.data.sources import patients
from greendapt.data.sources.image_index import ImageIndex
from greendapt.data.sources.layouts import NONE, Several
from greendapt.data.sources.listing import Listing, Row


def one_an_image(listing: Listing) -> Listing:
    """Rows of one image as one, where the layout says how."""
    how = listing.layout.rows_per_image
    if how is None:
        return listing
    groups: dict[Path, list[Row]] = defaultdict(list)
    for row in listing.rows:
        groups[row.path].append(row)
    findings = set(listing.findings)
    label = plain(listing.layout.label or "label")
    rows = [_merged(rows, findings, label, how) for rows in groups.values()]
    text = f"{plural(len(listing.rows), 'row')} became {len(rows)}, one an image ({how} of them)."
    return replace(listing, rows=rows, remarks=(*listing.remarks, note(text)))


def _merged(rows: Sequence[Row], findings: set[str], label: str, how: Several) -> Row:
    first = rows[0]
    cells = {
        key: _cell([row.cells[key] for row in rows], key in findings, key == label, how)
        for key in first.cells
    }
    return replace(first, cells=cells, label=cells.get("label"))


def _cell(cells: Sequence[str], finding: bool, label: bool, how: Several) -> str:
    """One cell of several: a finding in any or in most of them, the commonest label, or all labels
    with a bar between them; else the first."""
    if finding:
        ones = [float(cell) for cell in cells if cell.lower() not in MISSING]
        if not ones:
            return cells[0]
        share = sum(ones) / len(ones)
        return str(int(share > 0 if how == "any" else share > 0.5))
    if not label:
        return cells[0]
    there = [cell for cell in cells if cell.lower() not in NO_CLASS]
    if how == "any":
        return "|".join(dict.fromkeys(there))
    common = Counter(there).most_common(2)
    tied = len(common) == 2 and common[0][1] == common[1][1]
    return "" if tied or not common else common[0][0]


def without_files(index: ImageIndex, listing: Listing) -> Listing:
    """Without the rows whose image is not there, where the layout leaves them out."""
    if listing.layout.missing is None:
        return listing
    there = [
        row
        for row in listing.rows
        if (
            row.path.is_relative_to(index.root)
            and row.path.relative_to(index.root).as_posix() in index.images
        )
        or (listing.layout.root and row.path.is_file())
    ]
    left = len(listing.rows) - len(there)
    if not left:
        return listing
    text = f"{left} of {plural(len(listing.rows), 'row')} have no image here: left out."
    return replace(listing, rows=there, remarks=(*listing.remarks, note(text)))


def with_split_files(root: Path, listing: Listing) -> Listing:
    """Splits by files that list images; where several list some parts, the rest is left out."""
    files = [(root / name, split) for name, split in listing.layout.split_files]
    there = [(path, split) for path, split in files if path.is_file()]
    if len(there) < len(files) and len(files) == 1:
        raise DataError(f"{files[0][0]} is no file; split_file lists the images of the test part")
    if not there:
        return listing
    named = {name: split for path, split in there for name in _lines(path)}
    rest = "train" if len(there) < 2 else None
    rows = [
        replace(row, split=named.get(row.shown, named.get(row.path.name, rest)))
        for row in listing.rows
    ]
    told = ", ".join(path.name for path, _ in there)
    kept = [row for row in rows if row.split is not None]
    return replace(
        listing, rows=kept, remarks=(*listing.remarks, note(f"Splits are those of {told}."))
    )


def _lines(path: Path) -> set[str]:
    try:
        return {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no list of images ({error})") from error


def with_ids(listing: Listing) -> Listing:
    how = listing.layout.patient
    rows = listing.rows
    if how in (None, "path", NONE):
        named = [key for key in patients.COLUMNS if key in listing.columns and how is None]
        column = next((key for key in named if _differs(rows, key)), None)
    else:
        column = plain(how or "")
        if column not in listing.columns:
            there = ", ".join(listing.columns.values())
            raise DataError(f"there is no column '{how}' for patients; there are: {there}")
    if column is None:
        found = patients.from_paths([row.shown for row in rows], how)
    else:
        cells = [row.cells[column] for row in rows]
        found = patients.from_column(listing.columns[column], cells)
    known = [replace(row, patient=who) for row, who in zip(rows, found.ids, strict=True)]
    return replace(listing, rows=known, remarks=(*listing.remarks, *found.told))


def _differs(rows: Sequence[Row], key: str) -> bool:
    return len({row.cells[key] for row in rows}) > 1
