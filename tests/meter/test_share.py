"""Ranks add up, and nothing counts twice."""

from dataclasses import replace

import pytest

from greendapt.accounting.grams import with_grams
from greendapt.accounting.grid import grid
from greendapt.core.figures import Figure, Quality
from greendapt.core.meter_facts import Conditions
from greendapt.core.records import METERED_UNITS
from greendapt.meter.share import Plate, Share, merged
from greendapt.meter.sources.base import CpuEstimate

GRID = grid(None, 3600.0)


def joules(value, quality=Quality.MEASURED):
    return Figure(value=value, unit="J", quality=quality, source="test")


def node(cpu=10.0, dram=None):
    return {
        "cpu": joules(cpu, Quality.ESTIMATED),
        "dram": Figure.unavailable("J", "no counter") if dram is None else joules(dram),
        "ram": joules(99.0, Quality.ESTIMATED),
    }


def share(gpus=None, nodes=None, wall=1.0, peak=5, missing=False, plates=None):
    return Share(
        Figure.measured(wall, "s", "clock"),
        Figure.measured(peak, "byte", "mark"),
        {uuid: joules(value) for uuid, value in (gpus or {}).items()},
        nodes or {},
        plates or {},
        gpu_missing=missing,
    )


def test_a_record_has_every_cost_with_its_unit():
    figures = share({"a": 100.0}, {"host": node()}).figures()
    assert {name: figure.unit for name, figure in figures.items()} == {
        name: unit for name, unit in METERED_UNITS.items() if name != "training_flops"
    }


def test_modelled_memory_stays_out_of_the_headline():
    figures = share({"a": 100.0}, {"host": node()}).figures()
    assert figures["energy_j"].value == 110.0
    assert figures["energy_j"].quality is Quality.ESTIMATED
    assert "without dram" in figures["energy_j"].source
    assert figures["energy_ram_j"].value == 99.0
    assert with_grams(figures, GRID)["carbon_g"].value == pytest.approx(110.0 / 1000)


def test_idle_power_is_taken_off_in_a_second_figure_only():
    plates = {"a": Plate(idle_w=60.0), "host": Plate(idle_w=2.0)}
    one = share({"a": 100.0}, {"host": node()}, wall=1.5, plates=plates)
    figures = one.figures()
    assert figures["energy_j"].value == 110.0
    assert figures["energy_above_idle_j"].value == pytest.approx(110.0 - 62.0 * 1.5)
    assert figures["energy_above_idle_j"].quality is Quality.ESTIMATED
    carbon = with_grams(figures, GRID)["carbon_g"]
    assert carbon.value == pytest.approx(110.0 / 1000), "gross energy is the primary"


def test_less_than_at_rest_is_neither_negative_nor_zero():
    plates = {"host": Plate(idle_w=50.0)}
    figures = share(nodes={"host": node()}, plates=plates).figures()
    assert figures["energy_above_idle_j"].value is None
    assert "at rest" in figures["energy_above_idle_j"].source


@pytest.mark.parametrize("plates", [{}, {"a": Plate(idle_w=60.0)}, {"host": Plate(idle_w=1.0)}])
def test_an_idle_power_that_is_not_known_is_not_taken_as_zero(plates):
    figures = share({"a": 100.0}, {"host": node()}, plates=plates).figures()
    assert figures["energy_above_idle_j"].value is None


def test_the_formula_takes_rated_power_memory_and_pue():
    plates = {"a": Plate(rated_w=300.0), "host": Plate(rated_w=100.0, memory_gb=64.0)}
    one = share({"a": 1.0}, {"host": node()}, wall=3600.0, plates=plates)
    devices = one.figures()
    housed = with_grams(devices, grid(None, 100.0, 1.5))["energy_green_algorithms_j"]
    for joules, pue in ((devices["energy_green_algorithms_j"], 1.0), (housed, 1.5)):
        assert joules.value == pytest.approx((400 + 64 * 0.3725) * pue * 3600)
        assert joules.quality is Quality.ESTIMATED
        assert joules.source.endswith(f"PUE {pue:g}")
    unknown = share({"a": 1.0}, {"host": node()}, plates={"host": Plate(rated_w=100.0)})
    assert unknown.figures()["energy_green_algorithms_j"].value is None


def test_a_lifetime_of_work_is_charged_all_of_the_making():
    machine = grid(None, 100.0).with_machine(250.0, 4.0)
    year = with_grams(share(nodes={"host": node()}, wall=365.25 * 86400).figures(), machine)
    assert year["embodied_g"].value == pytest.approx(250_000 / 4)
    assert with_grams(share(nodes={"host": node()}).figures(), GRID)["embodied_g"].value is None


def test_ranks_bring_their_plates():
    ranks = [
        share({"a": 100.0}, {"one": node()}, plates={"a": Plate(10.0), "one": Plate(1.0)}),
        share({"b": 100.0}, plates={"b": Plate(20.0)}),
    ]
    above = merged(ranks).figures()["energy_above_idle_j"]
    assert above.value == pytest.approx(210.0 - 31.0)


def test_a_machine_without_a_gpu_misses_none():
    figures = share(nodes={"host": node(dram=1.0)}).figures()
    assert figures["energy_gpu_j"].value is None
    assert figures["energy_j"].value == 11.0
    assert "gpu" not in figures["energy_j"].source
    assert "without" not in figures["energy_j"].source


def test_a_gpu_that_is_there_but_missing_has_no_headline():
    figures = share(nodes={"host": node()}, missing=True).figures()
    assert figures["energy_j"].value is None
    assert with_grams(figures, GRID)["carbon_g"].value is None


def test_four_ranks_on_two_hosts():
    ranks = [
        share({"a": 100.0}, {"one": node(10.0)}, wall=1.0),
        share({"b": 110.0}, wall=1.2, peak=9),
        share({"c": 120.0}, {"two": node(20.0)}, wall=1.1),
        share({"d": 130.0}, wall=1.0),
    ]
    figures = merged(ranks).figures()
    assert figures["energy_gpu_j"].value == 460.0
    assert figures["energy_cpu_j"].value == 30.0
    assert figures["energy_j"].value == 490.0
    assert figures["wall_s"].value == 1.2
    assert figures["peak_memory_bytes"].value == 9


def test_a_gpu_or_host_seen_by_two_ranks_counts_once():
    both = [share({"a": 100.0}, {"one": node(10.0)}), share({"a": 101.0}, {"one": node(11.0)})]
    figures = merged(both).figures()
    assert figures["energy_gpu_j"].value == 100.0
    assert figures["energy_cpu_j"].value == 10.0


def test_a_rank_that_does_not_count_the_node_says_who_does():
    figures = share({"a": 100.0}).figures()
    assert figures["energy_cpu_j"].value is None
    assert "local rank 0" in figures["energy_cpu_j"].source
    assert figures["energy_j"].value == 100.0


def test_nothing_to_merge():
    with pytest.raises(ValueError, match="nothing"):
        merged([])


def estimate(value):
    return CpuEstimate(*(joules(part * value, Quality.ESTIMATED) for part in (1.0, 0.1, 5.0)))


def process(cpu_s, nodes=None):
    """A rank on a machine without a counter."""
    seen = Conditions(wall_s=1.0, threads=8, cpu_s=cpu_s, others_cpu_s=4.0 - cpu_s)
    one = share(nodes=nodes)
    return replace(one, modelled={"host": estimate(10 * cpu_s)}, conditions={"host": seen})


def test_ranks_add_up_their_own_cpu_seconds_and_count_the_machine_once():
    unknown = {**node(), "cpu": Figure.unavailable("J", "no counter")}
    both = merged([process(1.0, {"host": unknown}), process(2.0)])
    figures = both.figures()
    assert figures["energy_cpu_j"].value == 30.0
    assert figures["energy_j"].value == 30.0
    assert figures["energy_process_j"].value == 30.0
    assert figures["energy_idle_share_j"].value == pytest.approx(3.0)
    assert figures["energy_machine_j"].value == 50.0, "what the first of them says"
    assert figures["cpu_s"].value == 3.0
    assert both.ran_under.others_cpu_s == 1.0, "the other rank is no stranger"


def test_a_rank_alone_has_its_own():
    assert process(2.0).figures()["energy_j"].value == 20.0


def test_a_counter_beside_others_has_a_share_that_is_this_process_s():
    seen = Conditions(wall_s=1.0, threads=8, cpu_s=1.0, others_cpu_s=3.0)
    one = replace(share({"a": 100.0}, {"host": node(8.0, 4.0)}), conditions={"host": seen})
    figures = one.figures()
    assert figures["energy_j"].value == 112.0, "gross energy is the primary"
    assert figures["energy_process_j"].value == pytest.approx(100 + 2 + 1)
    assert figures["energy_process_j"].quality is Quality.ESTIMATED
    assert figures["energy_machine_j"].value == 112.0
