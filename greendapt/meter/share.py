"""What windows measured, by GPU and by host, so that ranks add up and nothing counts twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from greendapt.accounting.green_algorithms import green_algorithms
from greendapt.core.figures import Figure, Quality, add, total
from greendapt.core.meter_facts import Conditions, of_all, of_one_machine
from greendapt.core.units import JOULES_PER_KWH
from greendapt.meter.sources.base import HOST_PARTS, CpuEstimate

_NO_REST = "a CPU is estimated from its CPU-seconds, which hold no power at rest"


@dataclass(frozen=True)
class Plate:
    """What is known of a GPU or a host besides its energy. None: not known.

    ``idle_w``: power with no work, of what counts in the headline, as measured before the windows,
    or else why not. ``rated_w``: TDP or power limit. ``memory_gb``: memory reserved, here all of
    the host's.
    """

    idle_w: float | None = None
    rated_w: float | None = None
    memory_gb: float = 0.0
    why_no_idle: str = "idle power was not measured before"


@dataclass(frozen=True)
class Share:
    """One process's part of a window.

    ``gpus``: UUID -> J. ``nodes``: host -> cpu, dram, ram -> J (only from the process that counts
    the node). ``modelled``: host -> the CPU of this process, where no counter has it (from every
    process). ``conditions``: host -> what it ran under. ``plates``: UUID or host -> what it draws
    at rest and at most. ``no_gpu``: why there is no GPU figure; ``gpu_missing``: there is a GPU
    whose energy is missing, so that a headline without it would read as a saving.
    """

    wall_s: Figure
    peak_memory_bytes: Figure
    gpus: Mapping[str, Figure] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    plates: Mapping[str, Plate] = field(default_factory=dict)
    no_gpu: str = "no GPU"
    gpu_missing: bool = False
    modelled: Mapping[str, CpuEstimate] = field(default_factory=dict)
    conditions: Mapping[str, Conditions] = field(default_factory=dict)

    @property
    def ran_under(self) -> Conditions | None:
        """Of all hosts together."""
        return of_all([*self.conditions.values()])

    def figures(self) -> dict[str, Figure]:
        """The figures of a record (`core.records.METERED_UNITS`, all but the FLOPs)."""
        gpu = add(self.gpus.values()) if self.gpus else Figure.unavailable("J", self.no_gpu)
        node = {part: self._node(part) for part in HOST_PARTS}
        energy = self._headline(gpu, node)
        return {
            "wall_s": self.wall_s,
            "energy_gpu_j": gpu,
            "energy_cpu_j": node["cpu"],
            "energy_dram_j": node["dram"],
            "energy_ram_j": node["ram"],
            "energy_j": energy,
            "energy_above_idle_j": self._above_idle(energy),
            "energy_green_algorithms_j": self._by_formula(),
            "energy_process_j": self._process(gpu),
            "energy_idle_share_j": self._idle_share(),
            "energy_machine_j": self._machine(gpu, node),
            "cpu_s": self._cpu_s(),
            "peak_memory_bytes": self.peak_memory_bytes,
        }

    def _node(self, part: str) -> Figure:
        hosts = {host: parts[part] for host, parts in self.nodes.items()}
        if part == "cpu":
            hosts |= {host: one.energy for host, one in self.modelled.items()}
        if not hosts:
            return Figure.unavailable(
                "J", "the node is counted by its first process (local rank 0)"
            )
        return add(hosts.values())

    def _plates(self) -> list[Plate]:
        return [self.plates.get(name, Plate()) for name in (*self.gpus, *self.nodes)]

    def _above_idle(self, energy: Figure) -> Figure:
        """The headline without idle power x time: what the work itself added."""
        if energy.value is None or self.wall_s.value is None:
            return Figure.unavailable("J", energy.source)
        counted = [*self.gpus, *(host for host in self.nodes if host not in self.modelled)]
        if not counted:
            return Figure.unavailable("J", _NO_REST)
        plates = [self.plates.get(name, Plate()) for name in counted]
        unknown = [plate.why_no_idle for plate in plates if plate.idle_w is None]
        if unknown:
            return Figure.unavailable("J", unknown[0])
        idle_w = sum(plate.idle_w or 0.0 for plate in plates)
        joules = energy.value - idle_w * self.wall_s.value
        if joules <= 0:
            why = f"no more was drawn than the {idle_w:.3g} W at rest before the work"
            return Figure.unavailable("J", why)
        source = f"energy {energy.quality.value}, less {idle_w:.3g} W at rest before the work"
        if self.modelled:
            source += f"; {_NO_REST}"
        return Figure(value=joules, unit="J", quality=Quality.ESTIMATED, source=source)

    def _by_formula(self) -> Figure:
        """Of these devices alone: the meter knows no building, so the PUE is 1."""
        rated_w = [plate.rated_w for plate in self._plates() if plate.rated_w is not None]
        if not rated_w or len(rated_w) < len(self._plates()) or self.wall_s.value is None:
            return Figure.unavailable("J", "Green Algorithms: a device's rated power is not known")
        memory_gb = sum(plate.memory_gb for plate in self._plates())
        hours = self.wall_s.value / 3600
        formula = green_algorithms(hours, sum(rated_w), memory_gb, pue=1.0)
        return formula.scaled(JOULES_PER_KWH, "J")

    def _headline(self, gpu: Figure, node: Mapping[str, Figure]) -> Figure:
        has_gpu = bool(self.gpus) or self.gpu_missing
        if has_gpu and gpu.value is None:
            return Figure.unavailable("J", f"without its GPU a total would mislead: {gpu.source}")
        parts = {"gpu": gpu} if has_gpu else {}
        if self.nodes or self.modelled:
            parts["cpu"] = node["cpu"]
        if self.nodes:
            parts["dram"] = node["dram"]
        return total(parts) if parts else Figure.unavailable("J", "counted by local rank 0")

    def _process(self, gpu: Figure) -> Figure:
        """The headline with of each counter only the share of this process: by CPU-seconds; a
        GPU's is unknown where others are on it."""
        ran_under = self.ran_under
        if ran_under is None:
            return Figure.unavailable("J", "the CPU-seconds of this process are not known")
        if any(gpu.other_processes for gpu in ran_under.gpus):
            return Figure.unavailable("J", "another process was on the GPU, which tells no shares")
        node = {part: add(by_host) for part in ("cpu", "dram") if (by_host := self._shares(part))}
        return self._headline(gpu, node)

    def _shares(self, part: str) -> list[Figure]:
        shares = [one.energy for one in self.modelled.values()] if part == "cpu" else []
        for host, parts in self.nodes.items():
            if part == "cpu" and host in self.modelled:
                continue
            own = self.conditions[host].own_part if host in self.conditions else 1.0
            says = f"{100 * own:.3g}% of it, this process's share of all CPU-seconds"
            share = parts[part].scaled(own, "J", says)
            counted = share.value is not None
            shares.append(
                share.model_copy(update={"quality": Quality.ESTIMATED}) if counted else share
            )
        return shares

    def _idle_share(self) -> Figure:
        if not self.modelled:
            return Figure.unavailable("J", "the headline holds the power at rest")
        return add(one.idle_share for one in self.modelled.values())

    def _machine(self, gpu: Figure, node: Mapping[str, Figure]) -> Figure:
        if not self.modelled:
            return self._headline(gpu, node)
        counted = [parts["cpu"] for host, parts in self.nodes.items() if host not in self.modelled]
        cpu = add([*(one.machine for one in self.modelled.values()), *counted])
        return self._headline(gpu, {**node, "cpu": cpu})

    def _cpu_s(self) -> Figure:
        ran_under = self.ran_under
        if ran_under is None:
            return Figure.unavailable("s", "not known")
        source = "CPU-seconds of this process and those it started, as the system counts them"
        return Figure.measured(ran_under.cpu_s, "s", source)


def merged(shares: Sequence[Share]) -> Share:
    """One window that several processes shared: each GPU (UUID) and each host once, each process
    with what its CPU-seconds drew.

    The wall time and the peak memory are the largest; of a GPU or host that two processes counted,
    the first one's figure stays. Raises ValueError for no shares.
    """
    if not shares:
        raise ValueError("there is nothing to merge")
    gpus: dict[str, Figure] = {}
    nodes: dict[str, Mapping[str, Figure]] = {}
    plates: dict[str, Plate] = {}
    modelled: dict[str, list[CpuEstimate]] = {}
    conditions: dict[str, list[Conditions]] = {}
    for share in shares:
        plates |= share.plates
        for uuid, figure in share.gpus.items():
            gpus.setdefault(uuid, figure)
        for host, parts in share.nodes.items():
            nodes.setdefault(host, parts)
        for host, estimate in share.modelled.items():
            modelled.setdefault(host, []).append(estimate)
        for host, one in share.conditions.items():
            conditions.setdefault(host, []).append(one)
    return Share(
        wall_s=max((share.wall_s for share in shares), key=_size),
        peak_memory_bytes=max((share.peak_memory_bytes for share in shares), key=_size),
        gpus=gpus,
        nodes=nodes,
        plates=plates,
        no_gpu=shares[0].no_gpu,
        gpu_missing=any(share.gpu_missing for share in shares),
        modelled={host: _together(estimates) for host, estimates in modelled.items()},
        conditions={host: of_one_machine(by) for host, by in conditions.items()},
    )


def _together(processes: Sequence[CpuEstimate]) -> CpuEstimate:
    """Of several processes on one machine, which is the same to all."""
    return CpuEstimate(
        energy=add(one.energy for one in processes),
        idle_share=add(one.idle_share for one in processes),
        machine=processes[0].machine,
    )


def _size(figure: Figure) -> float:
    return -1.0 if figure.value is None else figure.value
