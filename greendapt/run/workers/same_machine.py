"""Who else worked on this machine while a stage was metered: its counters see both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from greendapt.core.figures import Figure
from greendapt.core.records import Record
from greendapt.run.workers.claims import Claims
from greendapt.store.run import RunFolder


class Neighbours:
    """Other workers of the run on this machine, from now until ``count`` is called.

    Seen at either end by their claims, and in between by what they finished.
    """

    def __init__(self, folder: RunFolder, claims: Claims) -> None:
        self._folder, self._claims = folder, claims
        self._before = claims.beside()
        self._sizes = folder.sizes()

    def count(self) -> int:
        """How many there were at most."""
        mine = self._claims.worker
        finished = {
            name
            for name, size in self._folder.sizes().items()
            if size != self._sizes.get(name)
            and name != mine.name
            and name.startswith(f"{mine.machine}-")
        }
        return len(self._before | self._claims.beside() | finished)


def labelled(figures: Mapping[str, Figure], beside: int, note: str) -> dict[str, Figure]:
    """The figures, those of energy with ``note`` and what ran beside in their source."""
    remarks = [note] if note else []
    if beside:
        remarks.append(f"beside up to {beside} other worker(s) on this machine")
    if not remarks:
        return dict(figures)
    return {
        name: figure.scaled(1.0, figure.unit, "; ".join(remarks))
        if name.startswith("energy_")
        else figure
        for name, figure in figures.items()
    }


def beside_note(records: Iterable[Record]) -> list[str]:
    """A sentence where stages were metered beside others."""
    done = [record for record in records if record.status == "done"]
    beside = sum(1 for record in done if record.details.beside)
    if not beside:
        return []
    return [
        f"{beside} of {len(done)} stages were metered while other workers of this run were busy on "
        "the same machine: their times are longer, and a counter of energy sees all of them."
    ]
