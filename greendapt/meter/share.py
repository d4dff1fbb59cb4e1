"""What windows measured, by GPU and by host, so that ranks add up and nothing counts twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from greendapt.accounting.green_algorithms import green_algorithms
from greendapt.core.figures import Figure, Quality, add, total
from greendapt.core.units import JOULES_PER_KWH
from greendapt.meter.sources.base import HOST_PARTS


@dataclass(frozen=True)
class Plate:
    """What is known of a GPU or a host besides its energy. None: not known.

    ``idle_w``: power with no work, of what counts in the headline, as measured before the windows.
    ``rated_w``: TDP or power limit. ``memory_gb``: memory reserved, here all of the host's.
    """

    idle_w: float | None = None
    rated_w: float | None = None
    memory_gb: float = 0.0


@dataclass(frozen=True)
class Share:
    """One process's part of a window.

    ``gpus``: UUID -> J. ``nodes``: host -> cpu, dram, ram -> J (only from the process that counts
    the node). ``plates``: UUID or host -> what it draws at rest and at most. ``no_gpu``: why there
    is no GPU figure; ``gpu_missing``: there is a GPU whose energy is missing, so that a headline
    without it would read as a saving.
    """

    wall_s: Figure
    peak_memory_bytes: Figure
    gpus: Mapping[str, Figure] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    plates: Mapping[str, Plate] = field(default_factory=dict)
    no_gpu: str = "no GPU"
    gpu_missing: bool = False

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
            "peak_memory_bytes": self.peak_memory_bytes,
        }

    def _node(self, part: str) -> Figure:
        if not self.nodes:
            return Figure.unavailable(
                "J", "the node is counted by its first process (local rank 0)"
            )
        return add(parts[part] for parts in self.nodes.values())

    def _plates(self) -> list[Plate]:
        return [self.plates.get(name, Plate()) for name in (*self.gpus, *self.nodes)]

    def _above_idle(self, energy: Figure) -> Figure:
        """The headline without idle power x time: what the work itself added."""
        idle_w = [plate.idle_w for plate in self._plates() if plate.idle_w is not None]
        if energy.value is None or self.wall_s.value is None:
            return Figure.unavailable("J", energy.source)
        if not idle_w or len(idle_w) < len(self._plates()):
            return Figure.unavailable("J", "idle power was not measured before")
        joules = energy.value - sum(idle_w) * self.wall_s.value
        if joules <= 0:
            why = f"no more was drawn than the {sum(idle_w):.3g} W at rest before the work"
            return Figure.unavailable("J", why)
        source = f"energy {energy.quality.value}, less {sum(idle_w):.3g} W at rest before the work"
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
        if self.nodes:
            parts |= {"cpu": node["cpu"], "dram": node["dram"]}
        return total(parts) if parts else Figure.unavailable("J", "counted by local rank 0")


def merged(shares: Sequence[Share]) -> Share:
    """One window that several processes shared: each GPU (UUID) and each host once.

    The wall time and the peak memory are the largest; of a GPU or host that two processes counted,
    the first one's figure stays. Raises ValueError for no shares.
    """
    if not shares:
        raise ValueError("there is nothing to merge")
    gpus: dict[str, Figure] = {}
    nodes: dict[str, Mapping[str, Figure]] = {}
    plates: dict[str, Plate] = {}
    for share in shares:
        plates |= share.plates
        for uuid, figure in share.gpus.items():
            gpus.setdefault(uuid, figure)
        for host, parts in share.nodes.items():
            nodes.setdefault(host, parts)
    return Share(
        wall_s=max((share.wall_s for share in shares), key=_size),
        peak_memory_bytes=max((share.peak_memory_bytes for share in shares), key=_size),
        gpus=gpus,
        nodes=nodes,
        plates=plates,
        no_gpu=shares[0].no_gpu,
        gpu_missing=any(share.gpu_missing for share in shares),
    )


def _size(figure: Figure) -> float:
    return -1.0 if figure.value is None else figure.value
