"""Stop after so many looks, whatever they say."""

from dataclasses import dataclass
from typing import Literal

from greendapt.suite.stop_rules import Decision, StopRule


@dataclass(frozen=True)
class _Count:
    most: int

    def decide(self, looks):
        return Decision(len(looks) >= self.most, len(looks) - 1)


class Looks(StopRule):
    rule: Literal["looks"]
    most: int = 2

    def for_phase(self, epochs, keep):
        del epochs, keep
        return _Count(self.most)
