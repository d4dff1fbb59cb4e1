"""A stop rule on a training that runs: looks taken between epochs, and what the rule says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from greendapt.meter.clock import now_s
from greendapt.suite.stop_rules import Look, Rule
from greendapt.train.loop import Heed, Watch


def _nothing() -> None:
    return None


@dataclass
class Watcher:
    """Asks ``rule`` every so many epochs, and after the last of ``epochs``.

    ``score``: higher is better, taken at each look; None: minus the validation loss.
    ``energy_j``: what was spent so far. ``looks`` is what was seen.
    """

    rule: Rule
    epochs: int
    every: int = 1
    score: Callable[[], float | None] | None = None
    energy_j: Callable[[], float | None] = _nothing
    looks: list[Look] = field(default_factory=list)
    started_s: float = field(default_factory=now_s)

    def __call__(self, epoch: int, val_loss: Sequence[float]) -> Heed:
        if epoch % self.every and epoch != self.epochs:
            return Heed(stop=False, keep=False)
        of_loss = -val_loss[-1] if val_loss else None
        score = of_loss if self.score is None else self.score()
        self.looks.append(Look(epoch, score, self.energy_j(), now_s() - self.started_s))
        decision = self.rule.decide(self.looks)
        return Heed(decision.stop, keep=decision.keep == len(self.looks) - 1)


@dataclass
class Tracker:
    """Takes ``scores`` of the epochs that are ``due``, and says of each what ``watch`` says.

    ``taken`` holds, of each such epoch, its number and its scores.
    """

    watch: Watch
    due: Callable[[int], bool]
    scores: Callable[[Sequence[float]], Mapping[str, float | None]]
    taken: list[tuple[int, Mapping[str, float | None]]] = field(default_factory=list)

    def __call__(self, epoch: int, val_loss: Sequence[float]) -> Heed:
        heed = self.watch(epoch, val_loss)
        if heed.stop or self.due(epoch):
            self.taken.append((epoch, self.scores(val_loss)))
        return heed
