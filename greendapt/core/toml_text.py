"""TOML as strangers write it: what nests without end is refused before it takes time or stack."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

DEEPEST = 32
"""Tables and lists in each other; a suite needs less than half."""
_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(
    rf"(?:^|[\[{{,])[ \t]*{_PART}(?:[ \t]*\.[ \t]*{_PART}){{{DEEPEST}}}", re.MULTILINE
)


def parse_toml(text: str) -> dict[str, Any]:
    """Raises ValueError: it is not TOML, or nests too deep."""
    if _LONG_KEY.search(text):  # the parser's time grows with the square of a key's parts
        raise ValueError(f"a key of more than {DEEPEST} parts")
    too_deep = f"tables or lists nest more than {DEEPEST} deep"
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise ValueError(too_deep) from None
    if any(depth > DEEPEST for depth, _ in _walk(table)):
        raise ValueError(too_deep)
    return table


def unwritable(value: Any) -> str | None:
    """The first text in a table, as it is shown, that no file can be called: with a null character,
    or with what is not Unicode. None where there is none."""
    for _, text in _walk(value):
        if isinstance(text, str) and ("\0" in text or not _is_unicode(text)):
            return ascii(text)
    return None


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Everything in it, keys too, with how deep it lies."""
    left = [(0, value)]
    while left:
        depth, one = left.pop()
        yield depth, one
        inner = [*one, *one.values()] if isinstance(one, dict) else one
        if isinstance(inner, list | tuple):
            left += [(depth + 1, part) for part in inner]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a byte of a command line that was none
        return False
    return True
