"""Where energy figures come from: one file a source, found in `ENERGY_SOURCES`."""

from greendapt.core.registry import Registry
from greendapt.meter.sources.base import EnergySource

ENERGY_SOURCES: Registry[EnergySource] = Registry(
    group="greendapt.energy_sources",
    noun="energy source",
    builtin={
        "nvml": "greendapt.meter.sources.nvml:SOURCE",
        "amd": "greendapt.meter.sources.amd:SOURCE",
        "intel-gpu": "greendapt.meter.sources.intel_gpu:SOURCE",
        "apple": "greendapt.meter.sources.apple:SOURCE",
        "jetson": "greendapt.meter.sources.jetson:SOURCE",
        "grace": "greendapt.meter.sources.grace:SOURCE",
        "rapl": "greendapt.meter.sources.rapl:SOURCE",
        "process": "greendapt.meter.sources.process:SOURCE",
        "codecarbon": "greendapt.meter.sources.codecarbon:SOURCE",
    },
    kind=EnergySource,
)
