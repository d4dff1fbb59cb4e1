"""Half of the units freeze when half of the epochs are over."""

from typing import Literal

from greendapt.suite.freezing import Freezing


class Halfway(Freezing):
    rule: Literal["halfway"] = "halfway"

    @property
    def paced(self):
        return True

    def frozen(self, front, moves, epochs):
        return max(front, len(moves[0]) // 2 if 2 * len(moves) >= epochs else 0)
