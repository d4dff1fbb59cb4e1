"""What the command line changes in a suite, as tables laid over it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from greendapt.core.errors import SuiteError
from greendapt.core.hints import did_you_mean
from greendapt.suite.datasets import MAPPING, Split
from greendapt.suite.paths import absolute

_SPLITS = get_args(Split)


def names(text: str | None) -> list[str] | None:
    """``a,b`` as a list."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def shots(text: str | None) -> list[int | str] | None:
    """``5,20,full`` as ``[5, 20, "full"]``."""
    parts = names(text)
    if parts is None:
        return None
    bad = [part for part in parts if part != "full" and not re.fullmatch(r"[0-9]{1,9}", part)]
    if bad or not parts:
        shown = (text or "")[:80]
        raise SuiteError(f"--shots {shown}: give images per class or 'full', such as 5,20,full")
    return [part if part == "full" else int(part) for part in parts]


def seeds(text: str | None) -> int | dict[str, int] | None:
    """``5`` as it is, ``3..20`` as ``{"from": 3, "to": 20}``."""
    if text is None:
        return None
    parts = text.split("..")
    if len(parts) > 2 or not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):
        raise SuiteError(f"--seeds {text[:80]}: give how many, such as 5, or 3..20")
    return int(text) if len(parts) == 1 else {"from": int(parts[0]), "to": int(parts[1])}


def weights(text: str | None) -> str | None:
    """A keyword as it is, a file as an absolute path."""
    if text is None or text in ("fractal", "timm", "none"):
        return text
    return absolute(text, Path())


def datasets(options: Sequence[str]) -> dict[str, Any]:
    """``ROLE=DIR[:COLUMN][@SPLIT]`` options as the suite's data table.

    A replaced development set takes the suite's external sets with it: they are another task.
    """
    table: dict[str, Any] = {}
    for option in options:
        role, equals, where = option.partition("=")
        if not equals or not where or role not in ("pool", "development", "external"):
            raise SuiteError(
                f"--data {option}: write pool=DIR, development=DIR or external=DIR, "
                "with :COLUMN and @SPLIT where needed, and DIR1+DIR2 for several as one"
            )
        spec = dataset(where)
        if role == "external":
            external = table.setdefault("external", {})
            external[_fresh(_name(spec), external)] = spec
        else:
            table[role] = spec
    if "development" in table:
        table.setdefault("external", {})
    if "external" in table:
        table["external"] = Replace(table["external"])
    return table


def aliases(options: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """``NAME=OTHER,...`` options as the suite's table of aliases."""
    table: dict[str, tuple[str, ...]] = {}
    for option in options:
        name, _, others = option.partition("=")
        further = tuple(names(others) or ())
        if not name.strip() or not further:
            raise SuiteError(f"--alias {option}: write NAME=OTHER, such as normal=no_finding")
        table[name.strip()] = (*table.get(name.strip(), ()), *further)
    return table


class Replace(dict[str, Any]):
    """A table that takes the place of the one below it instead of merging with it."""


def clean(table: dict[str, Any]) -> dict[str, Any]:
    """Without what was not given (None), and without tables left empty by that."""
    kept = {}
    for key, value in table.items():
        if isinstance(value, dict) and not isinstance(value, Replace):
            value = clean(value)
            if not value:
                continue
        if value is not None:
            kept[key] = value
    return kept


def dataset(where: str) -> dict[str, Any]:
    """One folder, or several joined by ``+`` as one, as a dataset's table.

    A folder that has a ``+`` in its name is taken as it is.
    """
    whole = folder(where)
    parts = where.split("+")
    if len(parts) == 1 or not all(parts) or Path(whole["path"]).exists():
        return whole
    return {"source": "merged", "sources": [folder(part) for part in parts]}


def folder(where: str) -> dict[str, Any]:
    """``DIR[:COLUMN][@SPLIT][?KEY=VALUE&...]`` or ``FILE.npz[@SPLIT]`` as a dataset's table."""
    rest, _, mapping = where.partition("?") if not Path(where).exists() else (where, "", "")
    spec = _place(rest)
    for part in mapping.split("&") if mapping else []:
        key, equals, value = part.partition("=")
        if not equals or key not in MAPPING:
            near = did_you_mean(key, MAPPING)
            raise SuiteError(
                f"--data {where}: '{part}' says nothing of a dataset; {near} "
                f"After the ? stand {', '.join(sorted(MAPPING))}, each with =VALUE, joined by &"
            )
        spec[key] = value
    return spec


def _place(where: str) -> dict[str, Any]:
    """``DIR[:COLUMN][@SPLIT]`` or ``FILE.npz[@SPLIT]``."""
    rest, at, split = where.rpartition("@")
    if not at or split not in _SPLITS:
        rest, split = where, ""
    path, colon, column = rest.rpartition(":")
    if not colon:
        path, column = rest, ""
    kind = "npz" if Path(path).suffix.lower() == ".npz" else "folder"
    spec: dict[str, Any] = {"source": kind, "path": absolute(path, Path())}
    if column and kind == "npz":
        raise SuiteError(f"{where}: a .npz file has no columns; leave ':{column}' out")
    if column:
        spec["label"] = column
    if split:
        spec["split"] = split
    return spec


def _name(spec: dict[str, Any]) -> str:
    paths = [part["path"] for part in spec.get("sources", [spec])]
    return "_".join(Path(path).name.removesuffix(".npz") for path in paths) or "external"


def _fresh(name: str, taken: dict[str, Any]) -> str:
    candidates = (name, *(f"{name}_{i}" for i in range(2, 1000)))
    return next(candidate for candidate in candidates if candidate not in taken)
