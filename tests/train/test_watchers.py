"""Stop rules on a training that runs."""

import pytest
import torch
from torch import nn

from greendapt.stats.rules import Budget, Fixed, Patience
from greendapt.suite.recipes import Recipe
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training, fit, lowest
from greendapt.train.objectives import multiclass
from greendapt.train.watchers import Tracker, Watcher

CPU = Engine(torch.device("cpu"))
EPOCHS = 6


def train(watch, *, val=True, epochs=EPOCHS):
    generator = torch.Generator().manual_seed(0)

    def examples(count):
        inputs = torch.randn(count, 4, generator=generator)
        return Examples(inputs, (inputs[:, 0] > 0).long())

    torch.manual_seed(0)
    net = nn.Linear(4, 2)
    recipe = Recipe(epochs=epochs, learning_rate=0.1, batch_size=8)
    held = examples(24), examples(16)
    done = fit(
        net, net, held[0], held[1] if val else None, recipe,
        Training(multiclass, 0, CPU, lambda _: None, watch=watch),
    )  # fmt: skip
    return done, net


def test_a_fixed_rule_stops_where_a_shorter_training_ends():
    done, net = train(Watcher(Fixed(2), EPOCHS), val=False)
    short, same = train(Watcher(Fixed(99), 2), val=False, epochs=2)
    assert torch.equal(net.weight, same.weight)
    assert len(done.train_loss) == len(short.train_loss) == 2
    assert (done.steps, done.samples, done.best_epoch) == (6, 48, 1)


def test_the_kept_epoch_is_that_of_the_best_look():
    scores = iter([1.0, 5.0, 2.0, 3.0, 9.0, 9.0])
    watch = Watcher(Patience(2), EPOCHS, score=lambda: next(scores))
    done, net = train(watch, val=False)
    assert [look.score for look in watch.looks] == [1.0, 5.0, 2.0, 3.0]
    assert (len(done.train_loss), done.best_epoch) == (4, 1)
    _, after_two = train(Watcher(Fixed(2), EPOCHS), val=False)
    assert torch.equal(net.weight, after_two.weight)


def test_looks_are_taken_every_so_many_epochs_and_at_the_end():
    watch = Watcher(Patience(9), 7, every=3)
    train(watch, epochs=7)
    assert [look.epoch for look in watch.looks] == [3, 6, 7]


def test_without_a_score_it_is_the_validation_loss():
    watch = Watcher(Patience(99), EPOCHS)
    done, _ = train(watch)
    assert [look.score for look in watch.looks] == [-loss for loss in done.val_loss]
    assert done.best_epoch == min(range(EPOCHS), key=done.val_loss.__getitem__)
    blind = Watcher(Patience(1), EPOCHS)
    assert train(blind, val=False)[0].best_epoch == EPOCHS - 1
    assert {look.score for look in blind.looks} == {None}


def test_a_watch_that_never_stops_changes_nothing():
    watched, net = train(Watcher(Patience(99), EPOCHS))
    plain, same = train(lowest)
    assert watched.train_loss == plain.train_loss
    assert watched.best_epoch == plain.best_epoch
    assert torch.equal(net.weight, same.weight)


def test_a_budget_of_energy():
    spent = iter(range(10, 100, 10))
    watch = Watcher(Budget(energy_j=35), EPOCHS, energy_j=lambda: float(next(spent)))
    done, _ = train(watch)
    assert len(done.train_loss) == 3
    assert [look.energy_j for look in watch.looks] == [10, 20, 30]
    assert all(look.wall_s >= 0 for look in watch.looks)


@pytest.mark.parametrize("mode", [True, False])
def test_a_look_leaves_the_modes_as_they_are(mode):
    inner = nn.Linear(4, 2)
    modes = []

    def score():
        modes.append(inner.training)
        inner.train()  # as a scorer that forgets
        return 0.0

    torch.manual_seed(0)
    inner.train(mode)
    recipe = Recipe(epochs=1, learning_rate=0.1, batch_size=8)
    data = Examples(torch.randn(8, 4), torch.zeros(8, dtype=torch.long))
    fit(
        inner, inner, data, None, recipe,
        Training(multiclass, 0, CPU, lambda _: None, watch=Watcher(Fixed(1), 1, score=score)),
    )  # fmt: skip
    assert modes == [False]
    assert inner.training == mode


def test_a_tracker_takes_scores_and_changes_nothing():
    tracker = Tracker(lowest, lambda n: n in (2, 5), lambda losses: {"-val_loss": losses[-1]})
    tracked, net = train(tracker)
    plain, same = train(lowest)
    assert torch.equal(net.weight, same.weight)
    assert tracked.best_epoch == plain.best_epoch
    assert tracker.taken == [(n, {"-val_loss": plain.val_loss[n - 1]}) for n in (2, 5)]


def test_a_tracker_takes_the_last_scores_where_its_rule_stops():
    tracker = Tracker(Watcher(Fixed(3), EPOCHS), lambda _: False, lambda _: {"size": 1.0})
    done, _ = train(tracker)
    assert len(done.train_loss) == 3
    assert tracker.taken == [(3, {"size": 1.0})]
