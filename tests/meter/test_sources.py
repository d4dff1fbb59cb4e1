"""Energy sources of other packages, which source a part gets, and what disturbs a device."""

import json
import time
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint

import pytest

from greendapt.core.figures import Figure, Quality
from greendapt.core.registry import Registry
from greendapt.meter import Meter, sources
from greendapt.meter.doctor import examine
from greendapt.meter.sources.base import COUNTER, EnergySource, Opened, PartMeter, State
from greendapt.meter.sources.gpu_energy import gpu_meters
from greendapt.meter.sources.gpu_reader import GpuReader, Unreadable


class SolarPanel(PartMeter):
    """A GPU and a processor of a vendor nobody knows, at 50 W each."""

    how, rated_w, idle_w = "sun", 80.0, 5.0

    def __init__(self, part, key):
        self.part, self.key, self.name = part, key, f"Solar {part}"

    def read(self):
        return time.perf_counter()

    def figure(self, _start, _end, span):
        return Figure.measured(50.0 * (span[1] - span[0]), "J", f"sun counter, {self.name}")

    def state(self):
        return State(("a cloud",), 2)


def panels(request):
    numbers = request.pick(2) if "gpu" in request.parts else ()
    gpus = [SolarPanel("gpu", f"sun-{number}") for number in numbers]
    host = [SolarPanel(part, "host") for part in request.parts if part != "gpu"]
    return Opened((*gpus, *host))


SOURCE = EnergySource(("gpu", "cpu"), COUNTER + 1, panels)
SECOND = EnergySource(("gpu", "cpu"), COUNTER - 1, panels)


def fail(_request):
    raise RuntimeError("no sun")


BROKEN = EnergySource(("gpu", "cpu", "dram"), COUNTER + 2, fail)


@pytest.fixture
def with_plugins(monkeypatch):
    """The registry, with sources of this file as another package has them."""

    def register(*names):
        group = sources.ENERGY_SOURCES.group
        registry = Registry(
            group, "energy source", sources.ENERGY_SOURCES.builtin, kind=EnergySource
        )
        found = {name: EntryPoint(name, f"{__name__}:{name}", group) for name in names}
        vars(registry)["_plugins"] = found
        monkeypatch.setattr(sources, "ENERGY_SOURCES", registry)
        monkeypatch.syspath_prepend(__file__.rpartition("/")[0])

    return register


def test_a_source_of_another_package_is_in_records_facts_and_doctor(with_plugins):
    with_plugins("SOURCE")
    meter = Meter(environ={})
    with meter.window() as window:
        time.sleep(0.01)
    meter.close()
    wall_s = window.figures["wall_s"].value
    assert window.figures["energy_gpu_j"].value == pytest.approx(2 * 50 * wall_s)
    assert window.figures["energy_cpu_j"].value == pytest.approx(50 * wall_s)
    assert "sun counter, Solar cpu" in window.figures["energy_j"].source
    assert "2 other process(es)" in window.figures["energy_gpu_j"].source
    assert window.figures["energy_green_algorithms_j"].value > 0  # it knows its rated power
    facts = meter.facts()
    assert facts.idle_w == 3 * 5.0
    assert [(gpu.name, gpu.meter) for gpu in facts.gpus] == [("Solar gpu", "sun")] * 2
    assert facts.gpus[0].troubles == ("clocks held back by a cloud", "another process was on it")
    report = examine(repeats=3)
    parts = {part["part"]: part for part in report["parts"]}
    assert parts["gpu"]["quality"] == parts["cpu"]["quality"] == "measured"
    assert "sun counter" in parts["cpu"]["source"]
    assert [gpu["slowed_by"] for gpu in report["gpus"]] == [["a cloud"]] * 2


def test_one_gpu_of_a_source_is_picked_by_its_number(with_plugins):
    with_plugins("SOURCE")
    meter = Meter(device="cuda:1", environ={})
    assert [gpu.key for gpu in meter.gpus] == ["sun-1"]
    meter.close()


def test_counters_come_before_models_and_after_what_is_better(with_plugins, two_sockets, standin):
    standin()
    with_plugins("SECOND")
    environ = {"GREENDAPT_POWERCAP": str(two_sockets.root)}
    meter = Meter(device="cuda", environ=environ)
    assert [gpu.how for gpu in meter.gpus] == ["counter"]  # the first source that has any
    with meter.window() as window:
        two_sockets.set("intel-rapl:0", 1030.0)
        two_sockets.set("intel-rapl:1", 5001.0)
    meter.close()
    assert window.figures["energy_cpu_j"].source == "RAPL package-0, package-1"
    every = Meter(environ=environ)
    assert [gpu.name for gpu in every.gpus] == ["Stand-in A", "Solar gpu", "Solar gpu"]
    every.close()


def test_a_source_that_fails_costs_its_figures_and_not_the_run(with_plugins, tmp_path):
    with_plugins("BROKEN")
    with Meter(environ={"GREENDAPT_POWERCAP": str(tmp_path)}) as window:
        pass
    assert window.figures["energy_cpu_j"].quality is Quality.ESTIMATED  # the next source's
    assert "RuntimeError: no sun" in window.figures["energy_dram_j"].source
    assert "no sun" in window.figures["energy_gpu_j"].source


class Reader(GpuReader):
    """A GPU of another vendor that tells its power and has no counter."""

    def counter_j(self):
        raise Unreadable("it has none")

    def power_w(self):
        return 100.0


def test_a_gpu_of_another_vendor_needs_no_meter_of_its_own():
    (meter,) = gpu_meters([Reader(uuid="x", name="Card", library="SMI")])
    start, begun = meter.read(), time.perf_counter()
    time.sleep(0.1)
    ended = time.perf_counter()
    figure = meter.figure(start, meter.read(), (begun, ended))
    meter.close()
    assert figure.value == pytest.approx(100 * (ended - begun), rel=0.01)
    assert figure.source == "SMI power sampled every 50 ms (no counter); Card"


def test_a_throttled_gpu_makes_the_gate_void_for_noise(
    standin, greendapt, tiny, tmp_path, only_run, monkeypatch
):
    """From the driver through run.json to the verdict."""
    auto = lambda **given: Meter(**{**given, "device": "auto"})  # noqa: E731
    monkeypatch.setattr(import_module("greendapt.run.session"), "Meter", auto)
    bench = partial(greendapt, "bench", "--suite", tiny, "--seeds", 3, "--out")
    standin()
    assert bench(tmp_path / "base").code == 0
    base = tmp_path / "base.json"
    assert greendapt("baseline", only_run(tmp_path / "base"), "--out", base).code == 0
    standin(slowdown=0x20, pids="1,4000001")
    assert bench(tmp_path / "head").code == 0
    run = only_run(tmp_path / "head")
    (gpu,) = json.loads((run / "run.json").read_text())["meter"]["gpus"]
    assert gpu["troubles"] == [
        "clocks held back by heat (software)",
        "another process was on it",
    ]
    standin(slowdown=0, pids="")
    assert greendapt("resume", run).code == 0  # nothing is left to run, and nothing forgotten
    done = greendapt("check", run, "--baseline", base)
    assert "time, energy and memory cannot be compared, in the run: clocks held" in done.out
    assert greendapt("check", run, "--baseline", base, "--tiers", "exact").code == 0
