"""One's own functions: of Python files that lie beside a suite, run because the user allowed it.

Only `load` runs a file; everything else asks by kind and name for what was loaded. The table is
the process's, as a module is that has run.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from greendapt.core.errors import GreendaptError
from greendapt.core.hints import did_you_mean

_MODULE = "greendapt_own_"


class OwnCodeError(GreendaptError):
    """Code of a suite's own may not run, cannot be loaded, or fails."""


@dataclass(frozen=True)
class OwnFunction:
    """``name`` as the suite calls it; ``function`` of ``file``; ``units``: of a network.

    ``digest``: SHA-256 of the file as it was run; ``call``: the function itself.
    """

    kind: str
    name: str
    file: Path
    function: str
    units: tuple[str, ...]
    digest: str
    call: Callable[..., Any]

    @contextmanager
    def guard(self) -> Iterator[None]:
        """What fails inside the block becomes one sentence with its file and line."""
        try:
            yield
        except (GreendaptError, MemoryError):
            raise
        except Exception as error:
            raise OwnCodeError(f"own.{self.name}: {_sentence(error, self.file)}") from error


_LOADED: dict[tuple[str, str], OwnFunction] = {}


def loaded(kind: str, name: str) -> OwnFunction | None:
    """None where this process was not allowed to run one of that name."""
    return _LOADED.get((kind, name))


def allowed(kind: str, name: str) -> OwnFunction:
    """The same where it must be there; OwnCodeError where it is not."""
    own = loaded(kind, name)
    if own is None:
        raise OwnCodeError(
            f"own.{name}: this process was not allowed to run {kind} code of that name"
        )
    return own


def load(
    kind: str,
    name: str,
    file: Path,
    function: str,
    units: tuple[str, ...] = (),
    digest: str | None = None,
) -> OwnFunction:
    """Run ``file``, and keep its ``function`` for who asks for it by kind and name.

    ``digest``: the SHA-256 that it must have. Raises OwnCodeError where it has another, cannot be
    read, fails, or has no such function.
    """
    where = f"own.{name}"
    try:
        source = file.read_bytes()
    except OSError as error:
        raise OwnCodeError(f"{where}: {file} cannot be read: {error.strerror}") from error
    actual = hashlib.sha256(source).hexdigest()
    if digest not in (None, actual):
        raise OwnCodeError(f"{where}: {file} changed while the run went on; resume it with --trust")
    before = _LOADED.get((kind, name))
    if before and kind == "network" and (before.file, before.digest) != (file, actual):
        raise OwnCodeError(
            f"{where}: this process has run another network of that name, and counted with it; "
            "start a new one"
        )
    module = _module(where, file, source, actual)
    call = getattr(module, function, None)
    if not callable(call):
        there = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        hint = did_you_mean(function, there) or f"it has: {', '.join(there) or 'none'}"
        raise OwnCodeError(f"{where}: {file.name} has no function '{function}'; {hint}")
    made = OwnFunction(kind, name, file, function, units, actual, call)
    _LOADED[kind, name] = made
    return made


def _module(where: str, file: Path, source: bytes, digest: str) -> ModuleType:
    """The file's module, under a name that nothing can be imported by."""
    name = _MODULE + hashlib.sha256(f"{file}\0{digest}".encode()).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module  # dataclasses and timm look their module up there
    try:
        exec(compile(source, str(file), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise OwnCodeError(f"{where}: {_sentence(error, file)}") from error
    return module


def _sentence(error: BaseException, file: Path) -> str:
    text = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, SyntaxError) and error.filename == str(file):
        place, text = f"{file.name}, line {error.lineno}", error.msg
    else:
        place = place_of(error) or file.name
    what = type(error).__name__
    return f"{place}: {what}: {text}" if text else f"{place}: {what}"


def place_of(error: BaseException | None) -> str:
    """Where in one's own code an error, or what caused it, was raised: ``FILE, line N``; empty
    where it does not come from there."""
    while error is not None:
        frames = traceback.walk_tb(error.__traceback__)
        own = [at for at in frames if str(at[0].f_globals.get("__name__")).startswith(_MODULE)]
        if own:
            frame, line = own[-1]
            return f"{Path(frame.f_code.co_filename).name}, line {line}"
        error = error.__cause__
    return ""
