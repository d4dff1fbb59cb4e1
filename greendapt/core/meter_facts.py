"""What the figures of a run rest on: the devices under its meter, and what disturbed them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from greendapt.core.wall_fit import WallFit

DISTURBING = 0.1
"""Share of a machine in the hands of others from which a window counts as disturbed."""
_LEAST_S = 0.1  # the system counts in ticks of 10 ms: in less it is mostly rounding
NORMAL_SLOWDOWNS = ("power cap",)
"""A busy card is held at its power limit: that is how it works at full load, and no disturbance."""

Edges = tuple[float | None, float | None]
"""Of something read when a window began and when it ended; None: not told."""


def held_back(why: str) -> str:
    return f"clocks held back by {why}"


def troubles_of(slowed_by: Iterable[str], other_processes: int | None) -> tuple[str, ...]:
    """What disturbs a GPU, in words."""
    slowed = tuple(map(held_back, slowed_by))
    return (*slowed, "another process was on it") if other_processes else slowed


def grave(troubles: Iterable[str]) -> tuple[str, ...]:
    """The troubles of a device without those that are normal, each once."""
    normal = {held_back(why) for why in NORMAL_SLOWDOWNS}
    return tuple(trouble for trouble in dict.fromkeys(troubles) if trouble not in normal)


class DeviceFacts(BaseModel):
    """One device under the meter, and how its energy was read; ``troubles``: what disturbed it.

    ``counter_over_integrated``: counted over sampled energy, None until half a second was seen.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    meter: str
    refresh_s: float | None = None
    counter_over_integrated: float | None = None
    troubles: tuple[str, ...] = ()


class MeterFacts(BaseModel):
    """What the figures of a run rest on; ``idle_w``: power at rest, None where not measured;
    ``wall``: from what is counted to a plug meter, None where none was read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    device: str = ""
    gpus: tuple[DeviceFacts, ...] = ()
    idle_w: float | None = None
    wall: WallFit | None = None

    def with_disturbed(self, others: Iterable[MeterFacts]) -> MeterFacts:
        """The same, and the devices of ``others`` that something disturbed."""
        disturbed = [gpu for one in others for gpu in one.gpus if gpu.troubles]
        return self.model_copy(update={"gpus": tuple(dict.fromkeys([*self.gpus, *disturbed]))})


class GpuConditions(BaseModel):
    """A GPU at the edges of a window: why its clocks were held back at either, and how many
    processes of others were on it at most (None: the driver does not tell)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    slowed_by: tuple[str, ...] = ()
    other_processes: int | None = None
    temperature_c: Edges = (None, None)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Normal ones left out."""
        return grave(troubles_of(self.slowed_by, self.other_processes))


class Conditions(BaseModel):
    """What a window ran under, on one machine of so many ``threads``.

    ``cpu_s``: CPU-seconds of the process and of those it started, also of those that ended;
    ``others_cpu_s``: of everything else; ``stolen_cpu_s``: that a host took from a virtual machine.
    ``cpu_slowdowns``: how often the processor held itself back for heat (None: it does not tell).
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    wall_s: float
    threads: int
    cpu_s: float
    others_cpu_s: float
    stolen_cpu_s: float = 0.0
    cpu_temperature_c: Edges = (None, None)
    cpu_slowdowns: int | None = None
    gpus: tuple[GpuConditions, ...] = ()

    @property
    def load(self) -> float:
        """Of the whole machine, 0 to 1."""
        return min(1.0, self._share(self.cpu_s + self.others_cpu_s))

    @property
    def others(self) -> float:
        """The share of the machine that other programs had, or its host took."""
        return min(1.0, self._share(self.others_cpu_s + self.stolen_cpu_s))

    @property
    def own_part(self) -> float:
        """Of all CPU-seconds, those of the process."""
        busy_s = self.cpu_s + self.others_cpu_s
        return self.cpu_s / busy_s if busy_s > 0 else 0.0

    @property
    def is_shared(self) -> bool:
        """Whether others had enough of the machine to disturb."""
        return self.others > DISTURBING and self.others_cpu_s + self.stolen_cpu_s > _LEAST_S

    @property
    def device_troubles(self) -> tuple[str, ...]:
        """What disturbed the devices themselves, in words."""
        told = [f"{gpu.name}: {trouble}" for gpu in self.gpus for trouble in gpu.troubles]
        if self.cpu_slowdowns:
            told.append("the processor was held back by heat")
        return tuple(dict.fromkeys(told))

    def _share(self, cpu_s: float) -> float:
        return cpu_s / (self.threads * self.wall_s) if self.wall_s > 0 else 0.0


def of_one_machine(processes: Sequence[Conditions]) -> Conditions:
    """The conditions of processes that worked together on one machine: to none of them are the
    rest others. Raises ValueError for none."""
    first, *rest = processes
    ours_s = sum(one.cpu_s for one in rest)
    gpus = dict.fromkeys(gpu for one in processes for gpu in one.gpus)
    update = {
        "cpu_s": first.cpu_s + ours_s,
        "others_cpu_s": max(0.0, first.others_cpu_s - ours_s),
        "gpus": tuple(gpus),
    }
    return first.model_copy(update=update)


def of_all(machines: Sequence[Conditions]) -> Conditions | None:
    """Of several machines as if they were one; None for none. The hottest processor counts."""
    if len(machines) < 2:
        return machines[0] if machines else None
    slowed = [one.cpu_slowdowns for one in machines if one.cpu_slowdowns is not None]
    return Conditions(
        wall_s=max(one.wall_s for one in machines),
        threads=sum(one.threads for one in machines),
        cpu_s=sum(one.cpu_s for one in machines),
        others_cpu_s=sum(one.others_cpu_s for one in machines),
        stolen_cpu_s=sum(one.stolen_cpu_s for one in machines),
        cpu_temperature_c=max((one.cpu_temperature_c for one in machines), key=_hottest),
        cpu_slowdowns=sum(slowed) if slowed else None,
        gpus=tuple(gpu for one in machines for gpu in one.gpus),
    )


def _hottest(edges: Edges) -> float:
    return max((celsius for celsius in edges if celsius is not None), default=float("-inf"))
