"""The one way to stdout and stderr, so that nothing that is printed commands a terminal.

Labels, file names, keys of a suite, errors of libraries, whole runs are foreign text. What a
terminal would act on is shown as a mark (`core.text.visible`), and what its encoding lacks as the
nearest it has, so that no letter ends a run that is done. Only here may anything be printed (ruff
holds it); tables and bars of Rich go through `core.console`.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from greendapt.core.errors import GreendaptError
from greendapt.core.text import visible

_NEAREST = str.maketrans({
    "\N{MINUS SIGN}": "-", "±": "+-", "×": "x", "≥": ">=", "µ": "u", "…": "...",
    "\N{REPLACEMENT CHARACTER}": "?",
})  # fmt: skip
_BEYOND_ASCII = re.compile(r"[^\n -~]")


def say(line: str) -> None:
    """A line on stderr, at once; where that is full or gone, nobody could be told."""
    try:
        print(visible(line), file=fitting(sys.stderr), flush=True)
    except OSError:
        forget(sys.stderr)


def show(text: str, end: str = "\n") -> None:
    """What was asked for, on stdout, at once. Raises BrokenPipeError where nobody reads it, and
    GreendaptError where it cannot be written."""
    try:
        print(visible(text), end=end, file=fitting(sys.stdout), flush=True)
    except OSError as error:
        forget(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise GreendaptError(f"cannot write to stdout: {error.strerror}") from error


def show_json(text: str) -> None:
    """A JSON document on stdout, as ASCII: what is not is escaped, so that it reads back whole."""
    escaped = _BEYOND_ASCII.sub(lambda letter: json.dumps(letter[0])[1:-1], text)
    show(escaped, end="" if text.endswith("\n") else "\n")


def forget(stream: TextIO) -> None:
    """What it could not take is not tried again, for another exit status, when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Fitting:
    """A stream that is never at a loss for a letter."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._stream.write(self._fit(text))

    def _fit(self, text: str) -> str:
        encoding = self._stream.encoding or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return text.translate(_NEAREST).encode(encoding, "replace").decode(encoding)
        return text


class _Clean(_Fitting):
    @property
    def rich_proxied_file(self) -> _Fitting:
        """Where Rich writes its colours: its texts were cleaned by `core.console`."""
        return _Fitting(self._stream)

    def write(self, text: str) -> int:
        return super().write(visible(text))


def fitting(stream: TextIO | None) -> Any:
    """``stream`` for text of any letters; where there is none (closed), nowhere."""
    return _Fitting(io.StringIO() if stream is None else stream)


@contextmanager
def clean_streams() -> Iterator[None]:
    """While it is open, what libraries print themselves (warnings, tracebacks) is cleaned too."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and _Clean(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
