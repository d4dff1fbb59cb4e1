"""Two baselines that grew from one, merged cell by cell: what git's merge of lines would unseal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from greendapt.store.baselines import (
    SCHEMA,
    Baseline,
    BaselineError,
    CellBaseline,
    read_baseline,
    write_baseline,
)

T = TypeVar("T")
_NONE = Baseline(schema=SCHEMA, suite="", profile="", data="")


def merge_files(base: Path, ours: Path, theirs: Path) -> None:
    """Leave the merge in ``ours``, as git asks of a merge driver (%O %A %B).

    ``base`` is empty where both sides added the file. Raises BaselineError, with ``ours`` as it
    was, where both changed the same thing.
    """
    before = read_baseline(base) if base.exists() and base.stat().st_size else _NONE
    write_baseline(ours, merged(before, read_baseline(ours), read_baseline(theirs)))


def merged(base: Baseline, ours: Baseline, theirs: Baseline) -> Baseline:
    """What either side changed since ``base``. Raises BaselineError where both did, differently."""
    head = {
        name: _changed(name, getattr(base, name), getattr(ours, name), getattr(theirs, name))
        for name in ("suite", "profile", "data")
    }
    machines = _each("machine", base.machines, ours.machines, theirs.machines)
    cells = [{"/".join(one.name): one for one in side.cells} for side in (base, ours, theirs)]
    return Baseline(schema=SCHEMA, **head, machines=machines, cells=tuple(_cells(*cells).values()))


def _cells(
    base: Mapping[str, CellBaseline],
    ours: Mapping[str, CellBaseline],
    theirs: Mapping[str, CellBaseline],
) -> dict[str, CellBaseline]:
    """Of one cost on both sides, figures of other machines come together; else whole cells do."""
    both, them = dict(ours), dict(theirs)
    for name in both.keys() & them.keys():
        here, there = both[name], them[name]
        if here.noisy != there.noisy and _exactly(here) == _exactly(there):
            old = base[name].noisy if name in base else {}
            noisy = _each(f"cell {name}, machine", old, here.noisy, there.noisy)
            both[name] = them[name] = here.model_copy(update={"noisy": noisy})
    return _each("cell", base, both, them)


def _exactly(cell: CellBaseline) -> CellBaseline:
    return cell.model_copy(update={"noisy": {}})


def _each(
    what: str, base: Mapping[str, T], ours: Mapping[str, T], theirs: Mapping[str, T]
) -> dict[str, T]:
    made = {
        name: _changed(f"{what} {name}", base.get(name), ours.get(name), theirs.get(name))
        for name in dict.fromkeys((*ours, *theirs))
    }
    return {name: one for name, one in made.items() if one is not None}


def _changed(what: str, base: T, ours: T, theirs: T) -> T:
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    raise BaselineError(
        f"both sides changed {what} of the baseline: run the suite on the merged code, then "
        "greendapt baseline RUN --out FILE"
    )
