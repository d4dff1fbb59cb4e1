"""Help in panels: which of many options belong together. Plain text: Rich takes half a second."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

PANELS = {
    "What is run": (
        "suite", "profile", "strategies", "transfers", "shots", "seeds", "margin", "set_", "trust",
    ),
    "Data": ("data", "allow_leaks"),
    "Network and training": (
        "backbone", "weights", "image_size", "epochs", "lr", "batch_size",
    ),
    "Machine": (
        "device", "gpus", "prefix_cache", "fast_step", "executor", "workers", "slurm",
    ),
    "Grid": ("region", "intensity", "pue"),
    "Budget": ("budget", "carbon", "energy", "minutes", "cost"),
}  # fmt: skip
"""Parameters by the name of their panel, in its order; the rest stand last."""
_MANY = 12


class PanelCommand(TyperCommand):
    """A command that shows its options in `PANELS` where it has many."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        records = {one.name: one.get_help_record(ctx) for one in self.get_params(ctx)}
        shown = {name: record for name, record in records.items() if record is not None}
        named = {name for names in PANELS.values() for name in names}
        if len(shown) <= _MANY:
            super().format_options(ctx, formatter)
            return
        options = [one for one in self.get_params(ctx) if one.param_type_name == "option"]
        places = [one for one in self.get_params(ctx) if one.param_type_name == "argument"]
        rest = [one.name for one in options if one.name not in named]
        panels = {"Arguments": [one.name for one in places], **PANELS, "Results and help": rest}
        for title, names in panels.items():
            if rows := [shown[name] for name in names if name in shown]:
                with formatter.section(title):
                    formatter.write_dl(rows)
