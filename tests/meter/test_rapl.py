"""CPU and DRAM energy from a powercap tree."""

import itertools
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greendapt.core.figures import Quality
from greendapt.meter import Meter
from greendapt.meter.doctor import _parts
from greendapt.meter.sources.base import Request
from greendapt.meter.sources.rapl import Domain, open_rapl


class Rapl:
    """The meters of a tree by part, read together."""

    def __init__(self, tree):
        environ = {"GREENDAPT_POWERCAP": str(tree.root)}
        opened = open_rapl(Request(("cpu", "dram"), environ, lambda _: ()))
        self.meters = {meter.part: meter for meter in opened.meters}
        self.why = opened.why

    def read(self):
        return {part: meter.read() for part, meter in self.meters.items()}

    def figure(self, part, before, after):
        return self.meters[part].figure(before[part], after[part], (0.0, 1.0))


@pytest.fixture
def opened():
    """Opens trees and closes them after the test."""
    rapls = []

    def open_tree(tree):
        rapls.append(Rapl(tree))
        return rapls[-1]

    yield open_tree
    for rapl in rapls:
        for meter in rapl.meters.values():
            meter.close()


def test_sockets_add_up_and_nothing_counts_twice(two_sockets, opened):
    rapl = opened(two_sockets)
    before = rapl.read()
    for folder, joules in {
        "intel-rapl:0": 1030.0,
        "intel-rapl:0:0": 520.0,
        "intel-rapl:0:1": 103.0,
        "intel-rapl:1": 5012.0,
        "intel-rapl:1:1": 502.0,
        "intel-rapl-mmio:0": 1029.0,
        "intel-rapl:2": 90090.0,
    }.items():
        two_sockets.set(folder, joules)
    after = rapl.read()
    cpu, dram = (rapl.figure(part, before, after) for part in ("cpu", "dram"))
    assert cpu.value == pytest.approx(30 + 12)
    assert dram.value == pytest.approx(3 + 2)
    assert cpu.quality is Quality.MEASURED
    assert cpu.source == "RAPL package-0, package-1"


def test_a_counter_that_wraps(powercap, opened):
    top = powercap.RANGE_UJ / 1e6
    powercap.zone("intel-rapl:0", "package-0", top - 5)
    rapl = opened(powercap)
    before = rapl.read()
    powercap.set("intel-rapl:0", 7.0)
    assert rapl.figure("cpu", before, rapl.read()).value == pytest.approx(12.0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 999_999), min_size=1, max_size=20))
def test_reads_between_the_edges_unwrap_any_number_of_times(tmp_path, steps):
    folder = tmp_path
    (folder / "max_energy_range_uj").write_text("1000000")
    (folder / "energy_uj").write_text("500000")
    domain, raw = Domain(folder), 500000
    for step in steps:
        raw = (raw + step) % 1000000
        (folder / "energy_uj").write_text(str(raw))
        reading = domain.read()
    assert reading.joules == pytest.approx(sum(steps) / 1e6)
    assert reading.faults == 0


def windows(powercap, rapl, *joules):
    """The figures between one state of the counter and the next."""
    edges = [rapl.read()]
    for one in joules:
        powercap.set("intel-rapl:0", one)
        edges.append(rapl.read())
    return [rapl.figure("cpu", *pair) for pair in itertools.pairwise(edges)]


def test_a_reset_counter_makes_only_its_window_unavailable(powercap, opened):
    powercap.zone("intel-rapl:0", "package-0", 9000.0)
    rapl = opened(powercap)
    first, reset, last = windows(powercap, rapl, 9001.0, 1.0, 2.0)
    assert first.value == pytest.approx(1.0)
    assert reset.value is None
    assert "reset" in reset.source
    assert last.value == pytest.approx(1.0)


def test_a_counter_that_stands_still_is_not_zero_joules(powercap, opened):
    powercap.zone("intel-rapl:0", "package-0", 0.0)
    rapl = opened(powercap)
    figure = rapl.figure("cpu", rapl.read(), rapl.read())
    assert figure.value is None
    assert "did not move" in figure.source


def test_a_file_that_goes_away(powercap, opened):
    powercap.zone("intel-rapl:0", "package-0")
    rapl = opened(powercap)
    before = rapl.read()
    (powercap.root / "intel-rapl:0" / "energy_uj").unlink()
    assert rapl.figure("cpu", before, rapl.read()).value is None


def test_dies_that_mirror_one_counter_count_once(powercap, opened):
    powercap.zone("intel-rapl:0", "package-0-die-0", 4000.0)
    powercap.zone("intel-rapl:1", "package-0-die-1", 4000.2)
    rapl = opened(powercap)
    before = rapl.read()
    powercap.set("intel-rapl:0", 4010.0)
    powercap.set("intel-rapl:1", 4010.2)
    assert rapl.figure("cpu", before, rapl.read()).value == pytest.approx(10.0)


@pytest.mark.parametrize("range_uj", [0, None])
def test_a_range_that_is_not_known_makes_only_a_wrap_unavailable(powercap, opened, range_uj):
    powercap.zone("intel-rapl:0", "package-0", 5.0, range_uj)
    rapl = opened(powercap)
    first, wrapped, last = windows(powercap, rapl, 9.0, 2.0, 3.0)
    assert first.value == pytest.approx(4.0)
    assert wrapped.value is None
    assert last.value == pytest.approx(1.0)


def test_a_nested_tree(powercap, opened):
    """As under /sys/devices/virtual/powercap."""
    for socket in (0, 1):
        zone = f"intel-rapl/intel-rapl:{socket}"
        powercap.zone(zone, f"package-{socket}", 5.0 + socket)
        powercap.zone(f"{zone}/intel-rapl:{socket}:0", "dram", 1.0)
        powercap.zone(f"{zone}/intel-rapl:{socket}:1", "core", 1.0)
    rapl = opened(powercap)
    assert rapl.meters["cpu"].domains.keys() == {"package-0", "package-1"}
    assert rapl.meters["dram"].domains.keys() == {"package-0 dram", "package-1 dram"}


def test_links_to_a_nested_tree_count_once(powercap, opened):
    powercap.zone("intel-rapl/intel-rapl:0", "package-0", 5.0)
    powercap.zone("intel-rapl/intel-rapl:0/intel-rapl:0:0", "dram", 1.0)
    nested = powercap.root / "intel-rapl" / "intel-rapl:0"
    (powercap.root / "intel-rapl:0").symlink_to(nested)
    (powercap.root / "intel-rapl:0:0").symlink_to(nested / "intel-rapl:0:0")
    rapl = opened(powercap)
    assert [*rapl.meters["cpu"].domains] == ["package-0"]
    assert [*rapl.meters["dram"].domains] == ["package-0 dram"]


def test_two_sockets_of_one_name_are_two(powercap, opened):
    for socket, joules in ((0, 5.0), (1, 90.0)):
        powercap.zone(f"intel-rapl:{socket}", "package-0", joules)
        powercap.zone(f"intel-rapl:{socket}:0", "dram", joules)
    rapl = opened(powercap)
    before = rapl.read()
    for folder, joules in (("0", 6.0), ("1", 92.0), ("0:0", 5.5), ("1:0", 90.5)):
        powercap.set(f"intel-rapl:{folder}", joules)
    after = rapl.read()
    cpu, dram = (rapl.figure(part, before, after) for part in ("cpu", "dram"))
    assert cpu.value == pytest.approx(3.0)
    assert dram.value == pytest.approx(1.0)
    assert cpu.source == "RAPL package-0 (intel-rapl:0), package-0 (intel-rapl:1)"


def test_sockets_that_count_alike_are_two(powercap, opened):
    for socket, joules in ((0, 5.0), (1, 5.2)):
        powercap.zone(f"intel-rapl:{socket}", f"package-{socket}", joules)
    assert len(opened(powercap).meters["cpu"].domains) == 2


def test_an_mmio_view_alone_is_read(powercap, opened):
    powercap.zone("intel-rapl-mmio:0", "package-0", 5.0)
    assert [*opened(powercap).meters["cpu"].domains] == ["package-0"]


def test_the_estimate_of_a_forbidden_counter_says_how_to_allow_it(two_sockets, as_nobody_readable):
    with as_nobody_readable(two_sockets.root, forbidden="intel-rapl:1"):
        meter = Meter(device="cpu", powercap=two_sockets.root)
        with meter.window() as window:
            sum(range(10**5))
        meter.close()
    energy = window.figures["energy_cpu_j"]
    assert energy.quality is Quality.ESTIMATED
    assert "chmod a+r" in energy.source
    (part,) = [one for one in _parts(window.record) if one["part"] == "cpu"]
    assert "chmod a+r" in part["enable"]
    assert "modprobe" not in part["enable"]


def test_no_tree_says_so(powercap, opened):
    rapl = opened(powercap)
    assert rapl.meters == {}
    assert "no RAPL package counter" in rapl.why["cpu"]
    assert "no RAPL DRAM counter" in rapl.why["dram"]


def test_unreadable_files_say_how_to_allow_them(two_sockets, opened, as_nobody_readable):
    with as_nobody_readable(two_sockets.root, forbidden="intel-rapl:1"):
        rapl = opened(two_sockets)
    assert "cpu" not in rapl.meters, "one socket of two would read as a saving"
    assert "chmod a+r" in rapl.why["cpu"]
    assert rapl.meters["dram"].domains.keys() == {"package-0 dram", "package-1 dram"}


def test_the_ledger_prefers_counters_to_the_model(two_sockets):
    meter = Meter(device="cpu", environ={**os.environ, "GREENDAPT_POWERCAP": str(two_sockets.root)})
    with meter.window() as window:
        two_sockets.spend_47_j()
    meter.close()
    assert window.figures["energy_cpu_j"].value == pytest.approx(42.0)
    assert window.figures["energy_dram_j"].value == pytest.approx(5.0)
    assert window.figures["energy_j"].value == pytest.approx(47.0)
    assert window.figures["energy_j"].quality is Quality.MEASURED
    assert window.figures["energy_ram_j"].quality is Quality.ESTIMATED
