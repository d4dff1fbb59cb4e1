"""What is wrong with a suite's table, said with the keys as they stand in the file."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import ValidationError

from greendapt.core.hints import did_you_mean
from greendapt.suite.models import Suite
from greendapt.suite.objectives import OBJECTIVES
from greendapt.suite.stop_rules import STOP_RULES

_SHOULD = {
    "carbon.region": "should be three capital letters (ISO 3166-1), such as DEU, or USA-CA, "
    "gcp:us-west1, EU",
    "run.seeds": "should be a number from 1 to 1000, or a range such as { from = 3, to = 20 }",
    "run.fast_step": "should be true, false or 'compiled'",
}


def problems(error: ValidationError, table: Mapping[str, Any]) -> list[str]:
    """Lines on every wrong key, and on what tables say of each other wrongly."""
    return [*_by_key(error, table), *_behind(error, table)]


def _by_key(error: ValidationError, table: Mapping[str, Any]) -> list[str]:
    """One line a key: what is wrong with it, and what it is."""
    lines: dict[str, list[str]] = {}
    for item in error.errors():
        where = _where(item["loc"], table)
        key = ".".join(map(str, where))
        message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if item["type"] == "too_short" and any(k.startswith(f"{key}.") for k in lines):
            continue  # too short only because its items are wrong
        if item["type"] == "extra_forbidden":
            message = "unknown key" + _meant(str(where[-1]), _at(table, where[:-1]))
        elif isinstance(item["input"], str | int | float):
            message = f"{_SHOULD.get(key, message)} (is {item['input']!r})"
        lines.setdefault(key, []).append(message)
    whole = [line for text in lines.pop("", []) for line in text.split("\n")]
    return whole + [f"{key}: {', or '.join(dict.fromkeys(texts))}" for key, texts in lines.items()]


def _meant(key: str, beside: Iterable[str]) -> str:
    """A hint from the kind of table that shares most keys with what stands ``beside`` this one."""
    nearest = max(_kinds(), key=lambda kind: len(kind & set(beside)))
    hint = did_you_mean(key, sorted(nearest))
    return f"; {hint}" if hint else ""


@cache
def _kinds() -> list[frozenset[str]]:
    """The keys of each kind of table."""
    schema = Suite.model_json_schema()
    kinds = [kind.get("properties", {}) for kind in (schema, *schema["$defs"].values())]
    kinds += [OBJECTIVES.get(name).model_fields for name in OBJECTIVES.builtin]
    kinds += [STOP_RULES.get(name).model_fields for name in STOP_RULES.builtin]
    return [frozenset(kind) for kind in kinds]


def _behind(error: ValidationError, table: Mapping[str, Any]) -> list[str]:
    """What the suite's tables say of each other, checked as if the wrong keys were not there."""
    if not any(item["loc"] for item in error.errors()):
        return []  # they were checked
    left = copy.deepcopy(dict(table))
    for item in error.errors():
        *path, last = _where(item["loc"], table) or ("",)
        place = _at(left, path)
        if isinstance(place, dict):
            place.pop(last, None)
    try:
        Suite.model_validate(left)
    except ValidationError as behind:
        return [] if any(item["loc"] for item in behind.errors()) else _by_key(behind, left)
    return []


def _where(loc: Sequence[str | int], table: Mapping[str, Any]) -> tuple[str | int, ...]:
    """The key as it stands in the file: pydantic also names the kinds it tried on the way."""
    place: Any = table
    where: list[str | int] = []
    for number, part in enumerate(loc, start=1):
        if _holds(place, part):
            place = place[part]
        elif number < len(loc) or not isinstance(place, dict):
            continue
        where.append(part)
    return tuple(where)


def _at(table: Mapping[str, Any], path: Sequence[str | int]) -> Any:
    """What stands there; None where nothing does."""
    place: Any = table
    for part in path:
        place = place[part] if _holds(place, part) else None
    return place


def _holds(place: Any, part: str | int) -> bool:
    if isinstance(place, dict):
        return part in place
    return isinstance(place, list) and isinstance(part, int) and part < len(place)
