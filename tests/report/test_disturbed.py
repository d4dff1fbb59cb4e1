"""What disturbed a run stands beside its verdict, and ranks nothing."""

import pytest

from greendapt.core.figures import Quality
from greendapt.core.meter_facts import Conditions
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view
from tests.report.conftest import RunWriter

QUIET = Conditions(wall_s=10.0, threads=2, cpu_s=18.0, others_cpu_s=0.4)
CROWDED = QUIET.model_copy(update={"cpu_s": 10.0, "others_cpu_s": 9.0})


class Metered(RunWriter):
    """A run whose energy is counted; ``crowded``: how many of its adaptations were disturbed."""

    crowded = 0

    def costs(self, energy):
        costs = super().costs(energy)
        counted = {"quality": Quality.MEASURED, "source": "RAPL"}
        return {**costs, "energy_j": costs["energy_j"].model_copy(update=counted)}

    def records(self):
        left = self.crowded
        for record in super().records():
            crowded = record.role == "adaptation" and left > 0
            left -= crowded
            yield record.model_copy(update={"conditions": CROWDED if crowded else QUIET})


@pytest.fixture
def seen(tmp_path):
    def build(crowded):
        writer = Metered(tmp_path / "run")
        writer.crowded = crowded
        return view(load_run(writer.write()))

    return build


def test_a_quiet_run_with_counters_is_ranked_by_its_energy(seen):
    quiet = seen(0)
    assert not any("disturbed" in caveat for caveat in quiet.caveats)
    costs = [entry.costs["energy_j"].estimate.mean for entry in quiet.panels[0].entries]
    assert costs == sorted(costs)


def test_a_disturbed_one_says_so_and_is_ranked_by_flops(seen):
    crowded = seen(2)
    (told,) = [caveat for caveat in crowded.caveats if "disturbed" in caveat]
    assert told.startswith("2 of ")
    assert "other programs had up to 45% of the machine (2)" in told
    assert "exact training FLOPs do" in told
    flops = [entry.costs["training_flops"].estimate.mean for entry in crowded.panels[0].entries]
    assert flops == sorted(flops)
    marked = [fact for fact in crowded.validity if fact.topic == "Disturbed"]
    assert [fact.text.partition(":")[0] for fact in marked] == ["adaptation 0", "adaptation 1"]


def test_nothing_is_said_of_runs_that_knew_no_conditions(run_writer):
    assert not any("disturbed" in caveat for caveat in view(load_run(run_writer.write())).caveats)


def test_energy_is_read_in_watt_hours(run_writer):
    note = view(load_run(run_writer.write())).spending_note
    assert "23.4 Wh" in note
