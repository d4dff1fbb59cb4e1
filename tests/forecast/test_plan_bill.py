"""What a question will cost beside one adaptation."""

from statistics import fmean

import pytest

from greendapt.forecast.plan_bill import PlannedBill, bill_sentence, planned_bill
from greendapt.forecast.predict import forecast_device
from greendapt.suite import suite_files


def planned(tiny, tmp_path, **changes):
    nested = [suite_files.nested(key.replace("__", "."), value) for key, value in changes.items()]
    suite = suite_files.load(tiny, "default", nested)
    plan, cells = forecast_device(suite, "h100", 1, tmp_path)
    return planned_bill(suite, cells, cells, plan), plan, cells


def flops(plan, cells, strategy):
    """Of one adaptation."""
    by_key = {stage.key: stage for stage in plan.stages}
    chains = [cell.stages for cell in cells if cell.strategy == strategy]
    paid = ("adaptation", "transfer")
    return fmean(
        sum(by_key[s.key].flops for s in of if by_key[s.key].role in paid) for of in chains
    )


def test_it_is_counted_in_adaptations_by_full(tiny, tmp_path):
    bill, plan, cells = planned(tiny, tmp_path, run__seeds=2)
    assert (bill.reference, bill.cheapest) == ("full", "none")
    full, none = (flops(plan, cells, name) for name in ("full", "none"))
    asked = sum(stage.flops for stage in plan.stages if stage.role != "sunk")
    assert bill.worth * full == pytest.approx(asked)
    assert bill.after * (full - none) == pytest.approx(asked)
    assert bill.saved_j > 0
    sentence = bill_sentence(bill)
    assert sentence.startswith("Asking costs as much as ")
    assert "adaptations by full DAPT (in FLOPs). If none, the cheapest, wins, it saves " in sentence


def test_without_full_it_is_the_costliest(tiny, tmp_path):
    bill, *_ = planned(tiny, tmp_path, run__strategies=["none", "partial"])
    assert bill.reference == "partial"
    assert "adaptations by partial, the costliest strategy (in FLOPs)" in bill_sentence(bill)


def test_one_strategy_saves_nothing(tiny, tmp_path):
    bill, *_ = planned(tiny, tmp_path, run__strategies=["full"])
    assert bill.after is None
    assert bill_sentence(bill).endswith(
        "by full DAPT (in FLOPs); no strategy here saves anything on it."
    )


@pytest.mark.parametrize(
    ("worth", "most", "ratio", "saved_j", "sentence"),
    [
        (0.0, 0.0, 0.5, None, "Asking costs nothing more: every stage is there already."),
        (
            3.25,
            11.0,
            0.25,
            1234.0,
            "Asking costs as much as 3.2, at most 11 adaptations by full DAPT (in FLOPs). If none, "
            "the cheapest, wins, it saves 75% of each (~1.2 kJ), and the question has paid for "
            "itself after 5 adaptations.",
        ),
        (
            1.0,
            1.0,
            0.25,
            None,
            "Asking costs as much as 1.0 adaptation by full DAPT (in FLOPs). If none, the "
            "cheapest, wins, it saves 75% of each, and the question has paid for itself after 2 "
            "adaptations.",
        ),
    ],
)
def test_the_sentence(worth, most, ratio, saved_j, sentence):
    bill = PlannedBill("full", "full DAPT", "none", worth, most, ratio, saved_j)
    assert bill_sentence(bill) == sentence
