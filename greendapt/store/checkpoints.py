"""Which checkpoint of a run is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from greendapt.core.records import Kind, Record

BACKBONE = "backbone.safetensors"


def adapted_backbone(stages: Sequence[str], records: Mapping[str, Record]) -> str | None:
    """The file, from the run's folder on, with the backbone as the last phase of a cell left it.

    ``stages``: the keys of the cell's in order. None where it adapts nothing.
    """
    adapted = [key for key in stages if key in records and records[key].kind is Kind.ADAPT]
    return f"checkpoints/{adapted[-1]}/{BACKBONE}" if adapted else None
