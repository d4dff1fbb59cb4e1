"""What planned stages take together."""

import pytest

from greendapt.store.forecasts import Forecast, StageForecast


def stage(key, wall_s, energy_j=1.0, parents=(), kept=""):
    return StageForecast(
        key=key,
        kind="adapt",
        role="adaptation",
        label=key,
        parents=parents,
        flops=10,
        wall_s=wall_s,
        energy_j=energy_j,
        kept=kept,
    )


def forecast(*stages, gpus=1, ranks=1):
    return Forecast(
        schema=1, made_at="", device="d", gpus=gpus, ranks=ranks, basis=(), stages=stages
    )


CHAIN = (stage("a", 4.0), stage("b", 2.0, parents=("a",)), stage("c", 3.0))


@pytest.mark.parametrize(
    ("gpus", "ranks", "wall_s"),
    [(1, 1, 9.0), (2, 1, 6.0), (64, 1, 6.0), (2, 2, 9.0)],
    ids=["one after the other", "side by side", "never faster than a chain", "two in a stage"],
)
def test_stages_share_the_devices_and_wait_for_what_they_read(gpus, ranks, wall_s):
    said = forecast(*CHAIN, gpus=gpus, ranks=ranks)
    cost = said.cost(said.stages)
    assert cost.wall_s == wall_s
    assert (cost.stages, cost.flops, cost.energy_j) == (3, 30, 3.0)


def test_what_is_there_already_costs_nothing():
    said = forecast(stage("a", 4.0, kept="in the user's cache"), stage("b", 2.0, parents=("a",)))
    cost = said.cost(said.stages)
    assert (cost.stages, cost.flops, cost.wall_s, cost.energy_j) == (1, 10, 2.0, 1.0)


def test_an_unknown_energy_makes_the_sum_unknown_and_not_smaller():
    said = forecast(stage("a", 4.0), stage("b", 2.0, energy_j=None))
    assert said.cost(said.stages).energy_j is None
    assert said.cost(said.stages[:1]).energy_j == 1.0
