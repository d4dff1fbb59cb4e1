"""Find and read suites: a TOML file, a profile laid over it, and what the command line changes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from greendapt.core.errors import SuiteError
from greendapt.core.hints import did_you_mean
from greendapt.core.toml_text import DEEPEST, parse_toml, unwritable
from greendapt.suite.adaptation import in_every_phase, kept_by_strategies
from greendapt.suite.checkpoints import with_checkpoints
from greendapt.suite.dataset_tables import fitting, with_paths_from
from greendapt.suite.models import Suite
from greendapt.suite.overrides import Replace
from greendapt.suite.problems import problems

_HERE = Path(__file__).resolve().parents[1]
_FOLDERS = (_HERE / "suites", _HERE.parent / "suites")  # inside the wheel; in a checkout


def shipped() -> dict[str, Path]:
    """Name to file of the suites that come with greendapt."""
    folder = next((f for f in _FOLDERS if f.is_dir()), None)
    return {path.stem: path for path in sorted(folder.glob("*.toml"))} if folder else {}


def find(name_or_path: str) -> Path:
    """A shipped suite by name, or one's own by path."""
    suites = shipped()
    if name_or_path in suites:
        return suites[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise SuiteError(f"--suite: there is no file {path}")
    hint = did_you_mean(name_or_path, suites) or f"there is: {', '.join(suites)}"
    raise SuiteError(f"--suite: there is no suite '{name_or_path}'; {hint}")


def read_table(path: Path) -> dict[str, Any]:
    """The TOML file as it stands; SuiteError with the line when it is not TOML."""
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SuiteError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise SuiteError(f"{path}: cannot be read: {error.strerror}") from error


def profiles(table: Mapping[str, Any]) -> list[str]:
    return ["default", *table.get("profile", {})]


def load(
    path: Path,
    profile: str = "default",
    changes: Sequence[Mapping[str, Any]] = (),
    say: Callable[[str], None] = lambda _: None,
    adaptation: Mapping[str, Any] | None = None,
) -> Suite:
    """The suite in ``path`` under ``profile``, ``changes`` laid over it in order, validated.

    Relative paths count from the suite's file, those of ``changes`` from the working folder.
    ``adaptation``: keys of every phase, laid over the profile and below ``changes``.
    ``say`` is told what of the profile is left out, because it is for another kind of source than
    the suite or the changes give, and where a strategy has its own say in ``adaptation``. Raises
    one SuiteError that lists every problem with its key.
    """
    table = read_table(path)
    for text in filter(None, map(unwritable, (table, *changes))):
        raise _refused(path, [f"{text}: no text with a null character, or that is not UTF-8"])
    laid = table.get("profile", {})
    if not isinstance(laid, dict) or not all(isinstance(one, dict) for one in laid.values()):
        raise _refused(path, ["profile: should be a table for each, such as [profile.long]"])
    if profile not in (names := profiles(table)):
        raise _refused(path, [f"there is no profile '{profile}' (there is: {', '.join(names)})"])
    table = with_paths_from(path.parent, table)
    changes = [with_paths_from(Path.cwd(), change) for change in changes]
    laid = with_paths_from(path.parent, laid.get(profile, {}))
    laid, left_out = fitting(laid, table, reduce(overlay, changes, table))
    if left_out:
        say(f"note: profile {profile}: left out, for other data than this: {', '.join(left_out)}")
    table = overlay(table, laid)
    table = reduce(overlay, (in_every_phase(table, adaptation or {}), *changes), table)
    table["profile"] = profile
    try:
        suite = Suite.model_validate(table)
    except ValidationError as error:
        raise _refused(path, problems(error, table)) from error
    for sentence in kept_by_strategies(suite, adaptation or {}):
        say(f"note: {sentence}")
    try:
        return with_checkpoints(suite)
    except SuiteError as error:
        raise _refused(path, str(error).splitlines()) from error


def _refused(path: Path, lines: Sequence[str]) -> SuiteError:
    many = f"{len(lines)} problems:\n  " if len(lines) > 1 else ""
    where = f"suite {path.stem}" if path in shipped().values() else path
    return SuiteError(f"{where}: {many}" + "\n  ".join(lines))


def overlay(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``change`` laid over it: tables merge, everything else is replaced.

    A dataset table (it names its ``source``) and a ``Replace`` take the place of what is below.
    """
    merged = dict(base)
    for key, value in change.items():
        below = merged.get(key)
        whole = isinstance(value, Replace) or not isinstance(value, Mapping) or "source" in value
        merged[key] = value if whole or not isinstance(below, Mapping) else overlay(below, value)
    return merged


def setting(text: str) -> dict[str, Any]:
    """``--set a.b=VALUE`` as a nested table; VALUE is TOML, or a bare string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip(". "):
        raise SuiteError(f"--set {text}: write KEY=VALUE, such as --set phase.head.epochs=5")
    try:
        parsed: Any = parse_toml(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    except ValueError as error:
        raise SuiteError(f"--set {key.strip()[:80]}: {error}") from error
    return nested(key.strip(), parsed)


def nested(key: str, value: Any) -> dict[str, Any]:
    """``a.b`` and a value as a table in a table."""
    parts = _key_parts(key)
    if not 0 < len(parts) < DEEPEST:
        raise SuiteError(f"'{key[:80]}' is no key of a suite; write one such as phase.head.epochs")
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _key_parts(key: str) -> list[str]:
    """A dotted key; parts with dots or colons may be quoted as in TOML. None of a text that is a
    comment, or more than a key."""
    try:
        table: Any = parse_toml(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return [part for part in key.split(".") if part]
    except ValueError as error:
        raise SuiteError(f"'{key[:80]}' is no key of a suite: {error}") from error
    parts = []
    while isinstance(table, dict):
        if len(table) != 1:
            return []
        ((part, table),) = table.items()
        parts.append(part)
    return parts
