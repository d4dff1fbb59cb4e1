"""AMD GPUs through their driver's library, by the package amdsmi that comes with ROCm."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from greendapt.meter.devices import torch_on_gpu
from greendapt.meter.sources.base import COUNTER, EnergySource, Opened, Request, State
from greendapt.meter.sources.gpu_energy import gpu_meters
from greendapt.meter.sources.gpu_reader import GpuReader, Unreadable
from greendapt.meter.sources.sensor import WHOLE, Sensor
from greendapt.meter.sources.strangers import strangers_among
from greendapt.meter.sources.sysfs import root_of, text

_VENDOR = "0x1002"
_LEAST_BYTES = 8e9
"""Memory of a card that computes: what a processor sets aside for its own graphics is less."""
_TWO_DIES = "MI250"
"""Cards that ROCm shows as two GPUs: the first one's sensors are the whole card's, the second has
none."""
_VISIBLE = (("ROCR_VISIBLE_DEVICES",), ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"))
"""One after the other, each among what the one before left; of two in a pair, the first that is
set."""
_DRIVER = Path("/dev/kfd")
_INSTALL = (
    "AMD GPUs: python -m pip install amdsmi (of the same version as ROCm, whose "
    "libamd_smi.so it reads)"
)


@dataclass(frozen=True, kw_only=True)
class Gpu(GpuReader):
    """One GPU as HIP, and so torch, numbers it."""

    name: str = "AMD GPU"
    library: str = "AMD SMI"
    index: int
    hip_uuid: str = ""
    smi: Any = field(default=None, repr=False, compare=False)
    handle: Any = field(default=None, repr=False, compare=False)

    @property
    def sensor(self) -> Sensor:
        """Its counter adds up all that its chip draws."""
        return WHOLE

    def counter_j(self) -> float:
        """Joules since the driver was loaded. Raises Unreadable."""
        told = _ask(self.smi.amdsmi_get_energy_count, self.handle)
        count = told.get("energy_accumulator", told.get("power"))  # its name before ROCm 6.2
        joules = float(count or 0.0) * float(told["counter_resolution"]) / 1e6
        if joules <= 0:
            raise Unreadable("its energy counter tells nothing")
        return joules

    def power_w(self) -> float:
        """Watts now, of the whole socket. Raises Unreadable."""
        told = _ask(self.smi.amdsmi_get_power_info, self.handle)
        for name in ("current_socket_power", "average_socket_power", "socket_power"):
            watts = told.get(name)
            if isinstance(watts, int | float) and watts > 0:
                return float(watts)
        raise Unreadable("its power sensor tells nothing")

    def state(self) -> State:
        others: int | None = None
        with suppress(Unreadable):
            running = _ask(self.smi.amdsmi_get_gpu_process_list, self.handle)
            pids = [int(one["pid"]) for one in running]
            others = strangers_among(pids, own_work=torch_on_gpu() is not None)
        return State(None, others, self._celsius())

    def _celsius(self) -> float | None:
        smi = self.smi
        place, now = smi.AmdSmiTemperatureType.HOTSPOT, smi.AmdSmiTemperatureMetric.CURRENT
        with suppress(Unreadable):
            told = float(_ask(smi.amdsmi_get_temp_metric, self.handle, place, now))
            return told / 1e3 if told > 1e3 else told  # thousandths, in some versions
        return None


def _ask(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the driver answers; Unreadable where it does not."""
    try:
        return call(*arguments)
    except Exception as error:  # of the library, whose names for them change
        raise Unreadable(" ".join(str(error).split()) or type(error).__name__) from error


def _library(environ: Mapping[str, str]) -> Any:
    """amdsmi, opened. Raises Unreadable, with what to do."""
    traces = (environ.get("ROCM_PATH"), environ.get("ROCM_HOME"), _DRIVER.exists())
    if not any(traces) and not _is_here(environ):
        raise Unreadable("neither a driver nor ROCm")  # where it fails, importing costs each time
    try:
        with redirect_stdout(io.StringIO()):  # it prints where it finds no library
            smi = import_module("amdsmi")
    except ImportError as error:
        raise Unreadable(_INSTALL) from error
    except Exception as error:  # OSError, KeyError, AttributeError: no library, or another version
        raise Unreadable(f"libamd_smi.so cannot be used ({error}); {_INSTALL}") from error
    _ask(smi.amdsmi_init)
    return smi


def _machine(smi: Any) -> list[Gpu]:
    """In HIP's order."""
    handles = _ask(smi.amdsmi_get_processor_handles)
    gpus = [_gpu(smi, number, handle) for number, handle in enumerate(handles)]
    return sorted((gpu for gpu in gpus if gpu is not None), key=lambda gpu: gpu.index)


def _gpu(smi: Any, number: int, handle: Any) -> Gpu | None:
    """None for a processor's own graphics."""
    index, hip_uuid = number, ""
    limit_w: float | None = None
    with suppress(Unreadable, AttributeError):  # since ROCm 6.4
        told = _ask(smi.amdsmi_get_gpu_enumeration_info, handle)
        hip_uuid = str(told["hip_uuid"])
        index = told["hip_id"] if isinstance(told["hip_id"], int) else number
    try:
        uuid = str(_ask(smi.amdsmi_get_gpu_device_uuid, handle))
        name = str(_ask(smi.amdsmi_get_gpu_asic_info, handle)["market_name"])
    except Unreadable as error:
        return Gpu(index=index, uuid=f"amd-{index}", trouble=f"AMD GPU {index}: {error}")
    with suppress(Unreadable):
        if _ask(smi.amdsmi_get_gpu_vram_usage, handle)["vram_total"] * 2**20 < _LEAST_BYTES:
            return None
    with suppress(Unreadable):
        limit_w = float(_ask(smi.amdsmi_get_power_cap_info, handle)["power_cap"]) / 1e6
    note = "with its processors, which are on the same socket" if "MI300A" in name else ""
    return Gpu(
        index=index,
        uuid=uuid,
        hip_uuid=hip_uuid,
        name=name,
        limit_w=limit_w,
        note=note,
        smi=smi,
        handle=handle,
    )


def visible(machine: Sequence[Gpu], environ: Mapping[str, str]) -> list[Gpu]:
    """Those that the variables of ROCm leave, each card once; indices or UUIDs, and the first entry
    that names nothing ends a list."""
    left = list(machine)
    for names in _VISIBLE:
        entries = next((environ[name] for name in names if name in environ), None)
        if entries is not None:
            left = _named([entry.strip() for entry in entries.split(",")], left)
    return left


def _named(entries: Sequence[str], among: Sequence[Gpu]) -> list[Gpu]:
    chosen: list[Gpu] = []
    for entry in entries:
        if entry.isdecimal():
            found = [among[int(entry)]] if int(entry) < len(among) else []
        else:
            found = [gpu for gpu in among if entry and entry in (gpu.hip_uuid, gpu.uuid)]
        if not found:
            break
        chosen += found
    return list(dict.fromkeys(chosen))


def _whole_cards(chosen: Sequence[Gpu], machine: Sequence[Gpu]) -> list[Gpu]:
    """With the first die of a card in place of its second, once."""
    by_index = {gpu.index: gpu for gpu in machine}
    cards: dict[str, Gpu] = {}
    for gpu in chosen:
        first = gpu
        if _TWO_DIES in gpu.name:
            first = by_index.get(gpu.index - gpu.index % 2, gpu)
            first = replace(first, note="the whole card: its two GPUs have one meter")
        cards.setdefault(first.uuid, first)
    return list(cards.values())


def _is_here(environ: Mapping[str, str]) -> bool:
    """Whether there is an AMD card that computes."""
    for card in root_of(environ).glob("class/drm/card*/device"):
        memory = text(card / "mem_info_vram_total")
        if text(card / "vendor") == _VENDOR and memory.isdecimal() and int(memory) >= _LEAST_BYTES:
            return True
    return False


def _open(request: Request) -> Opened:
    try:
        smi = _library(request.environ)
        machine = _machine(smi)
    except Unreadable as error:
        there = _is_here(request.environ)
        return Opened(why={"gpu": f"AMD GPU: {error}" if there else "no AMD GPU"}, broken=there)
    if not machine:
        smi.amdsmi_shut_down()
        return Opened(why={"gpu": "no AMD GPU"})
    seen = visible(machine, request.environ)
    if not seen:
        smi.amdsmi_shut_down()
        return Opened(why={"gpu": "ROCR_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES hides every GPU"})
    chosen = [seen[number] for number in request.pick(len(seen))]
    meters = gpu_meters(_whole_cards(chosen, machine))
    return Opened(tuple(meters), release=smi.amdsmi_shut_down)


SOURCE = EnergySource(
    parts=("gpu",),
    priority=COUNTER,
    open=_open,
    advice={"gpu": _INSTALL},
    here=_is_here,
    torch_device="cuda",
)
