"""Tables whose ``rule`` names a class of a registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from greendapt.core.registry import Registry
from greendapt.suite.datasets import Table

T = TypeVar("T", bound=Table)


def by_rule(registry: Registry[type[T]]) -> Callable[[Any], Any]:
    """Reads such a table; it raises ValueError, of which pydantic's errors of a rule's own keys
    are one kind. What is read already stays."""

    def read(table: Any) -> Any:
        if registry.kind is not None and isinstance(table, registry.kind):
            return table
        rule = table.get("rule") if isinstance(table, Mapping) else None
        if rule not in registry:
            names = ", ".join(f"'{name}'" for name in registry.names())
            raise ValueError(f"should be a table with a rule, one of {names}")
        return registry.get(str(rule)).model_validate(table)

    return read
