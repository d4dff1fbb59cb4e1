"""What a GPU's power sensor leaves open: the error model of every GPU figure.

From Yang, Adamek, Armour, "Part-time Power Measurements: nvidia-smi's Lack of Attention", SC 2024
(arXiv 2312.02741), which held 70 GPUs against an external meter: gain and offset differ from card
to card, and newer sensors average over less time than passes between two of their readings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TOLERANCE = 0.05
"""Of the gain, either way, from one card to another of its kind."""
DRIFT = 0.02
"""Of the gain, with heat, on top of it."""
OFFSET_W = 5.0
"""Either way; what NVIDIA's manual gives as the whole error."""
UNSEEN_REFRESH_S = 1.0
"""Of a reading that was not seen to change twice: no slower one is known."""
SLOWEST_TRAILING_S = 1.0
_COVER = 2.0  # standard deviations
_FEW = 10.0  # what so many readings scatter is itself badly known


@dataclass(frozen=True)
class Sensor:
    """How a power reading comes about.

    ``share``: of the time from one reading to the next, how much is averaged over. ``trailing_s``:
    over how much time, where that is more. ``known``: whether these are the card's, or those of the
    worst sensor, for a card that nobody looked at.
    """

    share: float = 0.25
    trailing_s: float = 0.0
    known: bool = False

    @property
    def part_time(self) -> bool:
        return self.share < 1

    def averaged_s(self, refresh_s: float) -> float:
        return max(self.share * refresh_s, self.trailing_s)

    def lag_s(self, refresh_s: float) -> float:
        """How old what a reading tells is, on average."""
        return (refresh_s + self.averaged_s(refresh_s)) / 2

    def lag_off_s(self, refresh_s: float) -> float:
        """By how much that may be wrong: half of the time from one reading to the next; a part of
        what is averaged over, for a step in the middle of it; and what a card of unknown kind may
        average over."""
        averaged_s = self.averaged_s(refresh_s)
        unknown_s = 0.0 if self.known else max(0.0, SLOWEST_TRAILING_S - averaged_s) / 2
        return math.hypot(refresh_s / 2, averaged_s / 6, unknown_s)

    def unlooked_j(self, readings_w: Sequence[float], refresh_s: float, every_s: float) -> float:
        """Half-width in J for what passed unlooked at between ``readings_w``, in their order, of
        which one was taken ``every_s``.

        A reading stands for the time to the next one, of which a share was averaged over. Where
        power changes from one look to the next, neighbours are far apart, and their errors add up
        as independent ones do. Where it comes back in nearly the sensor's own time, readings creep
        through it in a slow beat: the part of a beat that is left over is wrong, the less, the more
        often they crossed their mean; a jump is no creeping, but a change that was seen. Power that
        comes back in exactly the sensor's time looks like power that stays the same: nothing tells.
        """
        looked = min(1.0, self.averaged_s(refresh_s) / every_s)
        if looked >= 1 or len(readings_w) < 2:
            return 0.0
        readings = np.asarray(readings_w, dtype=float)
        count, steps, apart = len(readings), np.diff(readings), readings - readings.mean()
        crossings = int(np.count_nonzero(apart[1:] * apart[:-1] < 0))
        creeping = 1 - float(np.abs(steps).max()) / max(float(np.ptp(readings)), 1e-9)
        alone_w = (1 + _FEW / count) * math.sqrt((1 - looked) * float(steps @ steps) / 2)
        beat_w = (1 - looked) * creeping * float(apart.std()) * count / (crossings + 1)
        return _COVER * math.hypot(alone_w, beat_w) * every_s


UNKNOWN = Sensor()
WHOLE = Sensor(share=1.0, known=True)
"""One that looks all of the time."""
_KINDS = (
    (r"\bGH200\b", Sensor(share=0.2, known=True)),
    (r"\b(A100|A30|A800|H100|H200|H800|H20)\b", Sensor(share=0.25, known=True)),
    (r"\b(V100|P100|P40|P4|TITAN V|GTX 10\d\d)\b", Sensor(share=0.5, known=True)),
    (r"\b(T4|RTX 20\d\d|GTX 16\d\d|Quadro RTX|TITAN RTX)\b", WHOLE),
    (
        r"\b(RTX [34]0\d\d|RTX A\d000|RTX \d000 Ada|A2|A10|A10G|A16|A40|L4|L40|L40S)\b",
        Sensor(share=1.0, trailing_s=1.0, known=True),
    ),
)


def sensor_of(name: str) -> Sensor:
    """By the card's name; `UNKNOWN` for one that is not in the paper."""
    return next((sensor for kind, sensor in _KINDS if re.search(kind, name)), UNKNOWN)


def tolerance_j(joules: float, seconds: float) -> float:
    """Half-width in J of what a card's gain, its drift and its offset leave open."""
    return math.hypot((TOLERANCE + DRIFT) * joules, OFFSET_W * seconds)
