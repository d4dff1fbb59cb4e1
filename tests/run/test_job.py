"""What a worker is told survives the way to its process."""

from pydantic import TypeAdapter

from greendapt.core.records import Kind
from greendapt.run.allowance import Price, Terms
from greendapt.run.budget import Budget
from greendapt.run.workers.job import Job

PRICES = {"key": Price("a stage", Kind.ADAPT, 0.1 + 0.2, at_most=True)}
TERMS = Terms(
    Budget(72_000.0, "J"),
    PRICES,
    "2026-01-01T12:00:00+00:00",
    before=frozenset({"key then", "other now"}),
    timed=(1.5, 20.25),
    comparable=False,
)


def test_a_job_is_read_as_it_was_written():
    for terms in (None, TERMS):
        job = Job("run", ("key", "other"), {"key": "then"}, "a note", debug=True, terms=terms)
        assert TypeAdapter(Job).validate_json(job.as_json()) == job
