"""What disturbed the stages of a run, from their records alone."""

import pytest

from greendapt.core.disturbance import DEAR, disturbed, in_short
from greendapt.core.figures import Figure
from greendapt.core.meter_facts import (
    Conditions,
    GpuConditions,
    MeterFacts,
    grave,
    of_all,
    of_one_machine,
)
from greendapt.core.records import Record

QUIET = Conditions(wall_s=10.0, threads=2, cpu_s=18.0, others_cpu_s=0.4)
CROWDED = QUIET.model_copy(update={"cpu_s": 10.0, "others_cpu_s": 9.0})


def record(key, conditions=QUIET, joules=100.0, beside=0, wall_s=10.0):
    figures = {
        "energy_j": Figure.measured(joules, "J", "x"),
        "training_flops": Figure.measured(1e9, "FLOP", "x"),
        "wall_s": Figure.measured(wall_s, "s", "x"),
    }
    return Record(
        key=key,
        kind="probe",
        role="transfer",
        title="probe",
        started_at="now",
        figures=figures,
        details={"beside": beside},
        conditions=conditions,
    )


def reasons(*records):
    return {one.record.key: one.reasons for one in disturbed(records)}


def test_a_quiet_machine_disturbs_nothing():
    assert reasons(record("a"), record("b")) == {}
    assert in_short([record("a")]) == ""


def test_other_programs_above_a_tenth_of_the_machine():
    assert reasons(record("a"), record("b", CROWDED)) == {
        "b": ("other programs had 45% of the machine",)
    }
    told = in_short([record("a"), record("b", CROWDED)])
    assert told == (
        "1 of 2 stages were disturbed: other programs had up to 45% of the machine (1)."
    )


def test_what_a_host_takes_from_a_virtual_machine_counts():
    stolen = QUIET.model_copy(update={"stolen_cpu_s": 4.0})
    assert "22%" in reasons(record("a", stolen))["a"][0]


def test_other_workers_of_the_run_are_no_strangers():
    assert reasons(record("a", CROWDED, beside=1)) == {}


def test_ticks_of_a_short_window_are_no_disturbance():
    short = Conditions(wall_s=0.02, threads=2, cpu_s=0.01, others_cpu_s=0.03)
    assert reasons(record("a", short)) == {}


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        ({"slowed_by": ("heat (software)",)}, "H100: clocks held back by heat (software)"),
        ({"other_processes": 2}, "H100: another process was on it"),
        ({"slowed_by": ("power cap",)}, None),
    ],
)
def test_a_power_cap_is_how_a_busy_card_works_and_heat_is_not(gpu, words):
    under = QUIET.model_copy(update={"gpus": (GpuConditions(name="H100", **gpu),)})
    assert reasons(record("a", under)) == ({"a": (words,)} if words else {})


def test_a_processor_that_heat_held_back():
    hot = QUIET.model_copy(update={"cpu_slowdowns": 3})
    assert reasons(record("a", hot)) == {"a": ("the processor was held back by heat",)}


def test_joules_beyond_twice_those_of_equal_stages():
    equal = [
        record(key, joules=joules) for key, joules in zip("abcd", (100, 110, 90, 230), strict=True)
    ]
    assert reasons(*equal) == {"d": (DEAR,)}
    assert reasons(*equal[2:]) == {}, "of two nobody knows which is the outlier"
    short = [one.model_copy(update={"figures": record("x", wall_s=0.1).figures}) for one in equal]
    assert reasons(*short) == {}


def test_only_the_last_record_of_a_stage_counts():
    assert reasons(record("a", CROWDED), record("a")) == {}


def test_records_of_before_have_no_conditions_and_load():
    old = record("a").model_dump(mode="json", by_alias=True)
    del old["conditions"]
    assert Record.model_validate(old).conditions is None
    assert reasons(Record.model_validate(old)) == {}


def test_a_record_keeps_its_conditions():
    one = record("a", CROWDED)
    assert Record.model_validate_json(one.model_dump_json(by_alias=True)) == one


def test_processes_of_one_machine_are_no_strangers_to_each_other():
    ranks = [CROWDED, CROWDED.model_copy(update={"cpu_s": 8.0, "others_cpu_s": 11.0})]
    both = of_one_machine(ranks)
    assert (both.cpu_s, both.others_cpu_s) == (18.0, 1.0)


def test_several_machines_add_up():
    hot = CROWDED.model_copy(update={"cpu_temperature_c": (50.0, 80.0), "cpu_slowdowns": 1})
    both = of_all([QUIET, hot])
    assert (both.threads, both.cpu_s, both.others_cpu_s) == (4, 28.0, 9.4)
    assert both.cpu_temperature_c == (50.0, 80.0)
    assert of_all([]) is None


def test_troubles_of_old_runs_are_read_without_the_power_cap():
    said = {
        "gpus": [{"name": "A", "meter": "counter", "troubles": ["clocks held back by power cap"]}]
    }
    (gpu,) = MeterFacts.model_validate(said).gpus
    assert grave(gpu.troubles) == ()
    assert grave(["heat", "heat"]) == ("heat",)
