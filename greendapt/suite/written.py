"""A suite as a TOML file again: what ran, one profile already laid over it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from greendapt.suite.checkpoints import kept_epochs
from greendapt.suite.models import Suite

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(suite: Suite) -> str:
    """A file that loads to ``suite``, its profile being the default."""
    document = suite.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"profile"})
    made = {of for name in suite.strategy for of in kept_epochs(suite, name) if of != name}
    strategies = document["strategy"].items()  # those of checkpoints are made anew by loading
    document["strategy"] = {name: one for name, one in strategies if name not in made}
    run = document["run"]
    run["strategies"] = [name for name in run["strategies"] if name not in made]
    return "\n".join(_table(document, ())).lstrip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """The lines of a table: its values, then the tables in it."""
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    values = {key: value for key, value in table.items() if key not in inner}
    if path and (values or not inner):
        yield f"\n[{'.'.join(map(_key, path))}]"
    for key, value in values.items():
        yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        yield from _table(value, (*path, key))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(k)} = {_value(v)}' for k, v in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    # what JSON writes of the rest is TOML, but for one character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
