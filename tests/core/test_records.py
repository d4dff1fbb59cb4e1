"""Records survive their own JSON, and refuse what they do not know."""

import pytest
from pydantic import ValidationError

from greendapt.core.figures import Figure
from greendapt.core.records import COST_UNITS, SCHEMA, Record, Summary

RECORD = {"key": "k", "kind": "adapt", "role": "adaptation", "title": "l", "started_at": "now"}


def test_a_record_comes_back_from_its_json():
    figures = {
        "energy_j": Figure.measured(3, "J", "rapl"),
        "energy_gpu_j": Figure.unavailable("J", "no GPU"),
    }
    record = Record(
        schema=SCHEMA, **RECORD, figures=figures, metrics={"development": {"auc": None}}
    )
    text = record.model_dump_json(by_alias=True)
    assert f'"schema":{SCHEMA}' in text
    assert Record.model_validate_json(text) == record


@pytest.mark.parametrize("wrong", [{"role": "gift"}, {"status": "half"}, {"extra": 1}])
def test_a_record_refuses_what_it_does_not_know(wrong):
    with pytest.raises(ValidationError):
        Record(**{**RECORD, **wrong})


def test_a_figure_is_of_the_unit_of_its_name():
    seconds = Figure.measured(1, "s", "clock")
    assert Record(**RECORD, figures={"wall_s": seconds}).value("wall_s") == 1
    with pytest.raises(ValidationError, match="energy_j is in J, not in 's'"):
        Record(**RECORD, figures={"energy_j": seconds})


def test_defaults_are_not_shared_between_records():
    one, other = Record(**RECORD), Record(**RECORD)
    one.metrics["development"] = {"auc": 1}
    assert other.metrics == {}


def test_every_cost_has_the_unit_that_its_name_ends_in():
    ends = {"s": "_s", "J": "_j", "g": "_g", "FLOP": "_flops", "byte": "_bytes"}
    assert all(name.endswith(ends[unit]) for name, unit in COST_UNITS.items())


def test_an_empty_summary_comes_back_from_its_json():
    summary = Summary(schema=SCHEMA, synthetic=True, suite="s", profile="default", rows=[])
    assert Summary.model_validate_json(summary.model_dump_json(by_alias=True)) == summary
