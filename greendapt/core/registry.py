"""What can be had by name: built in, or from another package through an entry point.

A registry is made beside the code it holds. Built-ins are given as ``"module:attribute"``, so that
nothing is imported before it is asked for by name. Another package adds to it with one line of its
``pyproject.toml``, under the registry's group::

    [project.entry-points."greendapt.scores"]
    my_score = "my_package.my_module:my_score"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter
from typing import Any, Generic, TypeVar

from greendapt.core.errors import GreendaptError
from greendapt.core.hints import did_you_mean

T = TypeVar("T")


class PluginError(GreendaptError):
    """Something of that name cannot be had, or what another package offers cannot be loaded."""


@dataclass(frozen=True)
class Listed:
    """One name of a registry; ``package`` is empty for what is built in.

    ``problem``: why it cannot be had, in a sentence; empty where it can.
    """

    name: str
    package: str
    target: str
    problem: str = ""


@dataclass(frozen=True)
class Registry(Generic[T]):
    """Objects of one kind by name. ``noun`` says what they are; ``kind`` what they must be."""

    group: str
    noun: str
    builtin: Mapping[str, str]
    kind: type | None = None
    classes: bool = False
    """Whether classes derived from ``kind`` are offered, rather than instances of it."""

    @cached_property
    def _offered(self) -> list[EntryPoint]:
        entries = entry_points(group=self.group)
        return sorted(entries, key=lambda entry: (entry.name, _package(entry), entry.value))

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        """A name belongs to what is built in, else to the first package that offers it."""
        offered = reversed(self._offered)
        return {entry.name: entry for entry in offered if entry.name not in self.builtin}

    def names(self) -> tuple[str, ...]:
        """Built-ins first."""
        return (*self.builtin, *sorted(self._plugins))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.builtin or name in self._plugins)

    def get(self, name: str) -> T:
        """Raises PluginError, in one sentence, for an unknown name or a broken plug-in."""
        if name in self.builtin:
            module, _, attribute = self.builtin[name].partition(":")
            value: T = attrgetter(attribute)(import_module(module))
            return value
        if name not in self._plugins:
            hint = did_you_mean(name, self.names()) or f"there is: {', '.join(self.names())}"
            raise PluginError(f"there is no {self.noun} '{name}'; {hint}")
        return self._loaded(self._plugins[name])

    def _loaded(self, entry: EntryPoint) -> T:
        where = f"the {self.noun} '{entry.name}' of {_package(entry)} ({entry.value})"
        try:
            value: Any = entry.load()
        except Exception as error:  # whatever another package does at import
            raise PluginError(
                f"{where} cannot be loaded: {type(error).__name__}: {error}; "
                "mend or uninstall that package"
            ) from error
        offered = value if self.classes else type(value)
        kind = self.kind or object
        if not isinstance(offered, type) or not issubclass(offered, kind):
            raise PluginError(f"{where} is no {kind.__name__}: see greendapt.testing")
        loaded: T = value
        return loaded

    def listed(self, *, load: bool = False) -> list[Listed]:
        """Every name, and where it comes from; ``load`` tries each plug-in for its problem."""
        own = [Listed(name, "", target) for name, target in self.builtin.items()]
        return own + [
            Listed(entry.name, _package(entry), entry.value, self._problem(entry, load))
            for entry in self._offered
        ]

    def _problem(self, entry: EntryPoint, load: bool) -> str:
        if entry.name in self.builtin:
            return f"the name '{entry.name}' is that of a built-in {self.noun}"
        owner = self._plugins[entry.name]
        if owner is not entry:
            return f"{_package(owner)} has a {self.noun} of the name '{entry.name}', too"
        if load:
            try:
                self._loaded(entry)
            except PluginError as error:
                return str(error)
        return ""


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "another package"
