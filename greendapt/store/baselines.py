"""Baselines: what a suite's cells cost and reach, in a file that people review.

One cell a block, one figure a line. Each block ends with a seal, four hex digits for each of its
lines, and the file with one for all of it: a file that is cut off, merged or edited by hand is
refused with the line at fault. The seals guard against accidents, not against malice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from greendapt.core.errors import GreendaptError
from greendapt.core.figures import Quality
from greendapt.core.toml_text import parse_toml
from greendapt.disk.files import write_atomic
from greendapt.store.wrong import what_is_wrong

SCHEMA = 2
_AGAIN = "write the file again, and review the difference"


class BaselineError(GreendaptError):
    """A baseline that cannot be believed: which line, why, what to do."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Count = Annotated[int, Field(ge=0, le=10**40)]
Score = Annotated[float, Field(ge=0, le=1)]


class Spread(_Table):
    """A noisy figure: geometric mean, standard deviation of its logarithms, how many repeats."""

    mean: float = Field(gt=0, le=1e100)
    spread: float = Field(ge=0, le=1e3)
    repeats: PositiveInt
    quality: Quality


class CellBaseline(_Table):
    """``seeds`` gives the order of every list; one number in ``exact`` holds for all seeds.

    ``noisy``: spreads by machine key and figure.
    """

    name: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: tuple[NonNegativeInt, ...]
    auc: tuple[Score, ...] = ()
    dice: tuple[Score, ...] = ()
    exact: dict[str, Count | tuple[Count, ...]] = {}
    noisy: dict[str, dict[str, Spread]] = {}

    @model_validator(mode="after")
    def _one_a_seed(self) -> CellBaseline:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is there twice")
        for figure, known in {"auc": self.auc, "dice": self.dice, **self.exact}.items():
            if isinstance(known, tuple) and len(known) not in {len(self.seeds), 0}:
                raise ValueError(f"{figure} has {len(known)} values for {len(self.seeds)} seeds")
            if known == () and figure in self.exact:
                raise ValueError(f"{figure} has no value")
        return self


class Machine(_Table):
    """What a machine key stands for; ``troubles`` made its noisy figures doubtful (heat, ...)."""

    says: str
    troubles: tuple[str, ...] = ()


class Baseline(_Table):
    """``data``: a key of the data that trained and judged. ``machines``: by machine key."""

    schema_version: int = Field(SCHEMA, alias="schema")
    suite: str
    profile: str
    data: str
    machines: dict[str, Machine] = {}
    cells: tuple[CellBaseline, ...] = ()


# --- writing --------------------------------------------------------------------------------


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Replace ``path``. Raises RunError where the disk refuses."""
    write_atomic(path, render(baseline).encode())


def render(baseline: Baseline) -> str:
    """The file's text."""
    blocks = [_head(baseline)]
    for key, machine in sorted(baseline.machines.items()):
        blocks.append([f"[machines.{key}]", *_pairs(dict(machine))])
    return sealed([*blocks, *map(_cell, baseline.cells)])


def sealed(blocks: Iterable[list[str]]) -> str:
    """Blocks of lines with their seals, an empty line between them, and the last line."""
    done = [[*lines, _seal(lines)] for lines in blocks]
    return "\n\n".join("\n".join(lines) for lines in done) + "\n\n" + _end(done) + "\n"


def _head(baseline: Baseline) -> list[str]:
    return [
        "# What the cells of a suite, or tests, cost and reach. Written by greendapt baseline or",
        "# pytest --carbon-save. Write it again rather than edit it.",
        f"schema = {SCHEMA}",
        *_pairs({"suite": baseline.suite, "profile": baseline.profile, "data": baseline.data}),
    ]


def _cell(cell: CellBaseline) -> list[str]:
    lines = ["[[cells]]", *_pairs({"name": cell.name, "seeds": cell.seeds})]
    scores = {"auc": cell.auc, "dice": cell.dice}
    lines += _pairs({name: values for name, values in scores.items() if values})
    lines += ["[cells.exact]", *_pairs(cell.exact)]
    for machine, spreads in sorted(cell.noisy.items()):
        lines += [f"[cells.noisy.{machine}]", *_pairs(spreads)]
    return lines


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_bare(key)} = {_value(value)}" for key, value in table.items()]


def _bare(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "{ " + ", ".join(_pairs(value.model_dump(mode="json"))) + " }"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)


# --- seals ----------------------------------------------------------------------------------

_SEAL = "# seal "
_END = re.compile(r"# end: (\d+) blocks, ([0-9a-f]{16})")


def _seal(lines: Iterable[str]) -> str:
    return _SEAL + "".join(_digest(line.rstrip())[:4] for line in lines)


def _end(blocks: list[list[str]]) -> str:
    return f"# end: {len(blocks)} blocks, {_digest(*(lines[-1] for lines in blocks))}"


def _digest(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


class _Line(NamedTuple):
    number: int
    text: str


def _blocks(lines: list[_Line]) -> Iterator[list[_Line]]:
    block: list[_Line] = []
    for line in lines:
        if line.text:
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _unsealed(block: list[_Line]) -> _Line | None:
    """The first line of a block that is not as it was written."""
    *lines, last = block
    if not last.text.startswith(_SEAL):
        return last
    seal = last.text.removeprefix(_SEAL)
    for position, line in enumerate(lines):
        if _seal([line.text]) != _SEAL + seal[4 * position : 4 * position + 4]:
            return line
    return None if len(seal) == 4 * len(lines) else last


# --- reading --------------------------------------------------------------------------------


def read_baseline(path: Path) -> Baseline:
    """The baseline in ``path``, brought to this schema. Raises BaselineError with the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BaselineError(
            f"{path}: cannot be read: {error.strerror}; greendapt baseline RUN --out {path} "
            "writes it"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BaselineError(f"{path}, line {line}: not text; {_AGAIN}") from error
    lines = [_Line(n, one.rstrip()) for n, one in enumerate(text.splitlines(), start=1)]
    _check_schema(path, lines)
    _check_seals(path, lines)
    try:
        return Baseline.model_validate(_migrated(parse_toml(text)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = what_is_wrong(error)
        raise BaselineError(f"{path}, line 1: no baseline ({why}); {_AGAIN}") from error


def _check_schema(path: Path, lines: list[_Line]) -> None:
    for line in lines:
        match = re.fullmatch(r"schema = ([0-9]{1,9})", line.text)
        if match and int(match[1]) > SCHEMA:
            raise BaselineError(
                f"{path}, line {line.number}: schema {match[1]}, but this greendapt reads up to "
                f"{SCHEMA}; use a newer greendapt, or {_AGAIN}"
            )
        if match:
            return
    raise BaselineError(f"{path}, line 1: no baseline, it has no schema; {_AGAIN}")


def _check_seals(path: Path, lines: list[_Line]) -> None:
    *blocks, last = _blocks(lines)
    end = _END.fullmatch(last[0].text) if len(last) == 1 else None
    for block in blocks:
        wrong = _unsealed(block)
        if wrong is not None:
            raise BaselineError(
                f"{path}, line {wrong.number}: not as it was written ({wrong.text[:60]}); "
                f"edited by hand or merged? {_AGAIN}"
            )
    if end is None:
        raise BaselineError(
            f"{path}, line {last[-1].number}: the file is cut off here; restore it, or {_AGAIN}"
        )
    texts = [[line.text for line in block] for block in blocks]
    if last[0].text != _end(texts):
        raise BaselineError(
            f"{path}, line {last[0].number}: {end[1]} blocks were written, and these {len(blocks)} "
            f"are not they; {_AGAIN}"
        )


def _migrated(table: dict[str, Any]) -> dict[str, Any]:
    if table["schema"] not in (*_MIGRATIONS, SCHEMA):
        raise ValueError(f"schema is {table['schema']!r}")
    for schema in range(table["schema"], SCHEMA):
        table = _MIGRATIONS[schema](table)
    return table


def _from_1(table: dict[str, Any]) -> dict[str, Any]:
    """Schema 1 counted ``steps``, and did not say how a noisy figure was obtained."""
    cells = []
    for cell in table.get("cells", []):
        exact = {{"steps": "optimizer_steps"}.get(k, k): v for k, v in cell["exact"].items()}
        noisy = {
            machine: {name: {**one, "quality": _FORMER[name]} for name, one in spreads.items()}
            for machine, spreads in cell.get("noisy", {}).items()
        }
        cells.append({**cell, "exact": exact, "noisy": noisy})
    return {**table, "schema": 2, "cells": cells}


_FORMER = {"wall_s": "measured", "energy_j": "estimated", "peak_memory_bytes": "measured"}
_MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
