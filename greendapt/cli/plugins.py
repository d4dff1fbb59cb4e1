"""``greendapt plugins``: what there is by name, built in or from another package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greendapt.cli.options import Json
from greendapt.core.terminal import show, show_json

if TYPE_CHECKING:
    from greendapt.core.registry import Registry

REGISTRIES = (
    "greendapt.suite.trainable:TRAIN_SETS",
    "greendapt.suite.freezing:FREEZING",
    "greendapt.suite.objectives:OBJECTIVES",
    "greendapt.suite.stop_rules:STOP_RULES",
    "greendapt.transfer.scores.by_name:SCORES",
    "greendapt.data.corruptions:CORRUPTIONS",
    "greendapt.run.workers.executor:EXECUTORS",
    "greendapt.meter.sources:ENERGY_SOURCES",
    "greendapt.report.formats.table:FORMATS",
)
"""Each beside the code it holds."""


def plugins(json: Json = False) -> None:
    """List everything that packages can add to, and what is wrong with what they add.

    Plug-ins are loaded for that. How to write one: docs/plugins.md.
    """
    registries = [_registry(target) for target in REGISTRIES]
    if json:
        from dataclasses import asdict
        from json import dumps

        rows = [
            {"group": one.group, "names": [asdict(name) for name in one.listed(load=True)]}
            for one in registries
        ]
        show_json(dumps({"schema": 1, "registries": rows}, indent=2))
    else:
        show("\n\n".join(map(_text, registries)))


def _registry(target: str) -> Registry[Any]:
    from importlib import import_module

    module, _, attribute = target.partition(":")
    registry: Registry[Any] = getattr(import_module(module), attribute)
    return registry


def _text(registry: Registry[Any]) -> str:
    every = registry.listed(load=True)
    lines = [f"{registry.noun}s ({registry.group})"]
    lines += [f"  {', '.join(one.name for one in every if not one.package)}: built in"]
    for one in (one for one in every if one.package):
        lines.append(f"  {one.name}: {one.package} ({one.target})")
        lines += [f"    ! {one.problem}"] if one.problem else []
    return "\n".join(lines)
