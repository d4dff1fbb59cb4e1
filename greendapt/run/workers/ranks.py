"""A run on several processes of torchrun: rank 0 leads, the others train and are metered, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from greendapt.core.errors import RunError, TrainingFailed
from greendapt.meter import Meter, Window
from greendapt.meter.share import Share, merged
from greendapt.run.context import Context
from greendapt.run.stages.base import Stage
from greendapt.train.parallel import Ranks


@dataclass(frozen=True)
class Leader:
    """Rank 0's side of a stage. Alone it does nothing."""

    ranks: Ranks

    @contextmanager
    def at(self, stage: Stage) -> Iterator[None]:
        """All ranks do the stage, or wait, while the block runs here.

        What fails here and not on the others ends the run: they cannot be called back.
        """
        self.ranks.same(stage.key)
        try:
            yield
        except TrainingFailed:  # seen by every rank in the same step
            self.ranks.meet()
            self.ranks.all(None)
            raise
        except Exception as error:
            if self.ranks.size == 1 or isinstance(error, RunError):
                raise
            raise RunError(f"{stage.label} failed on rank 0: {error}") from error
        self.ranks.meet()

    def share(self, window: Window) -> Share:
        """What the window says, of all ranks: each GPU and each machine counted once."""
        assert window.share is not None
        if self.ranks.size == 1:
            return window.share
        return merged([share for share in self.ranks.all(window.share) if share is not None])


def assist(context: Context, meter: Meter, planned: list[Stage]) -> None:
    """The other ranks' side: train what all train, wait through the rest, until rank 0 is done."""
    ranks, by_key = context.ranks, {stage.key: stage for stage in planned}
    nothing: str | None = None
    while (key := ranks.same(nothing)) is not None:
        if key not in by_key:
            raise RunError("data, weights or own code here are not those of rank 0")
        with meter.window() as window:
            if by_key[key].is_shared:
                with suppress(TrainingFailed):  # rank 0 says so
                    by_key[key].run(context)
            ranks.meet()
        ranks.all(window.share)
