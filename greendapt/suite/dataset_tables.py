"""The datasets of a suite's table before it is checked: where they stand, their paths, and which
keys of a profile fit them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError

from greendapt.core.errors import SuiteError
from greendapt.suite.datasets import PATH_KEYS, Dataset, Table
from greendapt.suite.paths import absolute

Place = tuple[str, ...]
"""The keys that lead to a table: ``("data", "external", "b")``."""

_PLACES: tuple[Place, ...] = (
    ("data", "pool"),
    ("data", "development"),
    ("data", "external", "*"),
    ("data", "pools", "*", "data"),
    ("data", "targets", "*", "development"),
    ("data", "targets", "*", "external", "*"),
)
_WEIGHTS = ("fractal", "timm", "none")
_UNION, _ = get_args(Dataset)
_KINDS: Mapping[str, type[Table]] = {
    get_args(kind.model_fields["source"].annotation)[0]: kind for kind in get_args(_UNION)
}


def dataset_tables(table: Mapping[str, Any]) -> dict[Place, dict[str, Any]]:
    """The table of each dataset by its place; what is no table is left to who checks the suite."""
    return {place: entry for pattern in _PLACES for place, entry in _walk(table, pattern, ())}


def _walk(table: object, pattern: Place, before: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    if not isinstance(table, dict):
        return
    if not pattern:
        yield before, table
        return
    first, *rest = pattern
    for name in table if first == "*" else (first,):
        yield from _walk(table.get(name), tuple(rest), (*before, name))


def with_paths_from(folder: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """``table`` with every path, of data, weights, code and hours, as one from ``folder`` on."""
    whole = deepcopy(dict(table))
    for entry in dataset_tables(whole).values():
        sources = entry.get("sources")
        for part in (entry, *(sources if isinstance(sources, list | tuple) else ())):
            if isinstance(part, dict):
                _resolve(part, PATH_KEYS, folder)
    model = whole.get("model")
    if isinstance(model, dict) and model.get("weights") not in _WEIGHTS:
        _resolve(model, ("weights",), folder)
    own = whole.get("own")
    for name, entry in own.items() if isinstance(own, dict) else ():
        if isinstance(entry, dict):
            _place_code(name, entry, folder)
    carbon = whole.get("carbon")
    if isinstance(carbon, dict) and not _is_number(carbon.get("intensity_g_per_kwh")):
        _resolve(carbon, ("intensity_g_per_kwh",), folder)
    return whole


def _place_code(name: str, own: dict[str, Any], folder: Path) -> None:
    """One's own code is of the folder of the file that names it, and of no other."""
    if "folder" in own:
        raise SuiteError(f"own.{name}.folder: unknown key; the code lies beside the suite's file")
    if "code" in own:
        own["folder"] = absolute(".", folder)


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _resolve(table: dict[str, Any], keys: tuple[str, ...], folder: Path) -> None:
    for key in keys:
        if isinstance(table.get(key), str):
            table[key] = absolute(table[key], folder)


def fitting(
    profile: Mapping[str, Any], suite: Mapping[str, Any], final: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """``profile`` without the keys that are for another kind of source than its dataset has in
    ``final``, or for a dataset of ``suite`` that is not in it any more; and what those are.

    Keys that fit no kind of source stay: whoever checks the suite refuses them by name.
    """
    kept = deepcopy(dict(profile))
    known, asked = dataset_tables(suite), dataset_tables(final)
    left: list[str] = []
    for place, entry in dataset_tables(kept).items():
        source = asked.get(place, {}).get("source")
        if "source" in entry or (place not in asked and place not in known):
            continue
        misfits = [k for k, v in entry.items() if place not in asked or _is_of_others(source, k, v)]
        for key in misfits:
            del entry[key]
        why = f"its source is {source}" if place in asked else "that set is replaced"
        left += [f"{'.'.join((*place, key))} ({why})" for key in misfits]
        if not entry:
            _remove(kept, place)
    return kept, left


def _remove(table: dict[str, Any], place: Place) -> None:
    *above, name = place
    for key in above:
        table = table[key]
    del table[name]


def _is_of_others(source: object, key: str, value: object) -> bool:
    """Whether ``key`` with such a value means nothing to this kind of source, but to another."""
    if source not in _KINDS or _takes(_KINDS[str(source)], key, value):
        return False
    return any(_takes(kind, key, value) for kind in _KINDS.values())


def _takes(kind: type[Table], key: str, value: object) -> bool:
    field = kind.model_fields.get(key)
    if field is None:
        return False
    whole: Any = Annotated[field.annotation, field]
    try:
        TypeAdapter(whole).validate_python(value)
    except ValidationError:
        return False
    return True
