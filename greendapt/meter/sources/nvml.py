"""NVIDIA GPUs through the driver's own library: who is there, which are ours, what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pynvml

from greendapt.meter.devices import torch_on_gpu
from greendapt.meter.sources.base import COUNTER, EnergySource, Opened, Request, State
from greendapt.meter.sources.gpu_energy import gpu_meters
from greendapt.meter.sources.gpu_reader import GpuReader, Unreadable
from greendapt.meter.sources.strangers import strangers_among

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
_BUS_ORDER = "index in bus order: set CUDA_DEVICE_ORDER=PCI_BUS_ID"
_DEVICE_FILES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))

SLOWDOWNS = {
    pynvml.nvmlClocksThrottleReasonSwPowerCap: "power cap",
    pynvml.nvmlClocksThrottleReasonHwSlowdown: "hardware slowdown",
    pynvml.nvmlClocksThrottleReasonSwThermalSlowdown: "heat (software)",
    pynvml.nvmlClocksThrottleReasonHwThermalSlowdown: "heat (hardware)",
    pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown: "power brake",
}

ADVICE = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no NVIDIA driver library (libnvidia-ml.so.1)",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "the NVIDIA driver is not loaded",
    pynvml.NVML_ERROR_NO_PERMISSION: "no permission to read it (ask for access to /dev/nvidia*)",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "NVIDIA driver and library versions differ (reboot)",
    pynvml.NVML_ERROR_GPU_IS_LOST: "the GPU was lost (fell off the bus; reboot or reset it)",
    pynvml.NVML_ERROR_RESET_REQUIRED: "the GPU needs a reset",
    pynvml.NVML_ERROR_NOT_SUPPORTED: "this GPU does not support it",
}


@dataclass(frozen=True, kw_only=True)
class Gpu(GpuReader):
    """One physical GPU."""

    name: str = "NVIDIA GPU"
    library: str = "NVML"
    index: int
    handle: Any = field(default=None, repr=False, compare=False)

    def counter_j(self) -> float:
        """Joules since the driver was loaded. Raises Unreadable."""
        return float(_ask(pynvml.nvmlDeviceGetTotalEnergyConsumption, self.handle)) / 1e3

    def power_w(self) -> float:
        """Watts now (averaged over the driver's own period). Raises Unreadable."""
        return float(_ask(pynvml.nvmlDeviceGetPowerUsage, self.handle)) / 1e3

    def slowdowns(self) -> tuple[str, ...] | None:
        """Why the clocks are held back now; None where the driver does not tell."""
        try:
            bits = _ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, self.handle)
        except Unreadable:
            return None
        return tuple(name for bit, name in SLOWDOWNS.items() if bits & bit)

    def state(self) -> State:
        others = strangers(self, own_work=torch_on_gpu() is not None)
        return State(self.slowdowns(), others, self.temperature_c())

    def temperature_c(self) -> float | None:
        """None where the driver does not tell."""
        try:
            sensor = pynvml.NVML_TEMPERATURE_GPU
            return float(_ask(pynvml.nvmlDeviceGetTemperature, self.handle, sensor))
        except Unreadable:
            return None


@dataclass(frozen=True)
class Gpus:
    """The GPUs this process can use. None: ``why``; ``broken``: there is one, unreadable."""

    found: tuple[Gpu, ...] = ()
    why: str = "no NVIDIA GPU"
    broken: bool = False


def _ask(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the driver answers; Unreadable, with advice, where it does not."""
    try:
        return call(*arguments)
    except pynvml.NVMLError as error:
        raise Unreadable(_advice(error)) from error


def _advice(error: pynvml.NVMLError) -> str:
    return ADVICE.get(error.value, str(error))


def open_gpus(environ: Mapping[str, str]) -> Gpus:
    """All GPUs that CUDA_VISIBLE_DEVICES lets this process see (see `visible`)."""
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        present = any(path.exists() for path in _DEVICE_FILES)
        absent = error.value in (
            pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
            pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        )
        if absent and not present:
            return Gpus(why=f"no NVIDIA GPU: {_advice(error)}")
        return Gpus(why=f"NVIDIA GPU: {_advice(error)}", broken=True)
    machine = [_gpu(index) for index in range(count)]
    if not machine:
        return Gpus()
    chosen = visible(machine, environ)
    if not chosen:
        return Gpus(why=f"{VISIBLE_VARIABLE} hides every GPU")
    return Gpus(tuple(chosen))


def _gpu(index: int) -> Gpu:
    try:
        handle = _ask(pynvml.nvmlDeviceGetHandleByIndex, index)
        uuid = _ask(pynvml.nvmlDeviceGetUUID, handle)
        name = _ask(pynvml.nvmlDeviceGetName, handle)
    except Unreadable as error:
        return Gpu(index=index, uuid=f"gpu-{index}", trouble=f"GPU {index}: {error}")
    try:
        limit_w = float(_ask(pynvml.nvmlDeviceGetPowerManagementLimit, handle)) / 1e3
    except Unreadable:
        limit_w = None
    return Gpu(index=index, uuid=uuid, name=name, handle=handle, limit_w=limit_w)


def visible(machine: Sequence[Gpu], environ: Mapping[str, str]) -> list[Gpu]:
    """The GPUs named by CUDA_VISIBLE_DEVICES, each once, in its order.

    As CUDA reads it: indices, UUIDs or unique prefixes of them, MIG ids; the first entry that names
    nothing ends the list. A MIG instance has no meter of its own: its whole GPU is taken, and
    says so.
    """
    entries = environ.get(VISIBLE_VARIABLE)
    if entries is None:
        return list(machine)
    chosen: dict[str, Gpu] = {}
    for entry in (part.strip() for part in entries.split(",")):
        gpu = _named(entry, machine, environ)
        if gpu is None:
            break
        chosen.setdefault(gpu.uuid, gpu)
    return list(chosen.values())


def _named(entry: str, machine: Sequence[Gpu], environ: Mapping[str, str]) -> Gpu | None:
    if entry.isdecimal():
        return _by_index(int(entry), machine, environ)
    if entry.startswith("MIG-"):
        uuid = _parent_uuid(entry)
        note = "the whole GPU: a MIG instance has no meter of its own"
    else:
        uuid, note = entry, ""
    if uuid is None or not uuid.startswith("GPU-"):
        return None
    matches = [gpu for gpu in machine if gpu.uuid.startswith(uuid)]
    return replace(matches[0], note=note) if len(matches) == 1 else None


def _by_index(index: int, machine: Sequence[Gpu], environ: Mapping[str, str]) -> Gpu | None:
    if index >= len(machine):
        return None
    mixed = len({gpu.name for gpu in machine}) > 1
    if mixed and environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        return replace(machine[index], note=_BUS_ORDER)
    return machine[index]


def _parent_uuid(entry: str) -> str | None:
    if entry.startswith("MIG-GPU-"):  # drivers before 470: MIG-GPU-<uuid>/<instance>/<compute>
        return entry.removeprefix("MIG-").partition("/")[0]
    try:
        instance = _ask(pynvml.nvmlDeviceGetHandleByUUID, entry)
        parent = _ask(pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, instance)
        return str(_ask(pynvml.nvmlDeviceGetUUID, parent))
    except Unreadable:
        return None


def strangers(gpu: Gpu, *, own_work: bool) -> int:
    """Of the processes on the GPU; see `strangers_among`."""
    try:
        processes = _ask(pynvml.nvmlDeviceGetComputeRunningProcesses, gpu.handle)
    except Unreadable:
        return 0  # the driver does not tell
    return strangers_among((int(process.pid) for process in processes), own_work=own_work)


def _open(request: Request) -> Opened:
    gpus = open_gpus(request.environ)
    if not gpus.found:
        return Opened(why={"gpu": gpus.why}, broken=gpus.broken)
    chosen = [gpus.found[index] for index in request.pick(len(gpus.found))]
    return Opened(tuple(gpu_meters(chosen)), release=pynvml.nvmlShutdown)


SOURCE = EnergySource(
    parts=("gpu",),
    priority=COUNTER,
    open=_open,
    advice={"gpu": "install the NVIDIA driver; nvidia-smi is not needed, libnvidia-ml.so.1 is"},
    torch_device="cuda",
)
