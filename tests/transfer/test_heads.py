"""Heads on frozen features."""

import pytest
import torch
from torch import nn

from greendapt.models.network import Standardize
from greendapt.suite.recipes import Probe
from greendapt.train.cost import head_cost
from greendapt.train.engine import Engine, predict
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.transfer.heads import make_head, train_probe
from greendapt.transfer.metrics import judge

CPU = Engine(torch.device("cpu"))


def _probe(**said):
    return Probe(**{"kind": "probe", "epochs": 30, "learning_rate": 0.01, **said})


def _features(count, seed):
    """Two classes apart by one feature of many, at a scale that is not 1."""
    draw = torch.Generator().manual_seed(seed)
    targets = torch.arange(count) % 2
    inputs = torch.randn(count, 12, generator=draw)
    inputs[:, 3] += 4 * targets
    return Examples(inputs * 0.01 + 5, targets)


def _train(probe, train, val, *, loss="multiclass", seed=0, outputs=2):
    head = make_head(probe, train.inputs, outputs, seed)
    trained = train_probe(
        head,
        train,
        val,
        probe,
        Training(LOSSES[loss], seed, CPU, lambda _share: None),
    )
    return head.eval(), trained


@pytest.mark.parametrize("hidden", [(), (16,), (16, 8)])
def test_a_probe_learns_what_can_be_separated(hidden):
    head, trained = _train(_probe(hidden=hidden), _features(120, 0), _features(40, 1))
    test = _features(100, 2)
    said = judge(predict(head, test.inputs, CPU), test.targets, range(100), ("a", "b"))
    assert said["auc"] > 0.95
    assert said["balanced_accuracy"] > 0.85
    assert trained.fit.train_loss[-1] < trained.fit.train_loss[0]


def test_a_probe_learns_findings_with_labels_missing():
    train, val = (_features(120, seed) for seed in (0, 1))
    sets = []
    for part in (train, val):
        targets = torch.stack([part.targets, 1 - part.targets], 1).float()
        targets[::3, 0] = float("nan")
        sets.append(Examples(part.inputs, targets))
    head, _ = _train(_probe(), *sets, loss="multilabel")
    test = _features(60, 2)
    logits = predict(head, test.inputs, CPU)
    assert ((logits[:, 0] > 0) == (test.targets == 1)).float().mean() > 0.85
    assert ((logits[:, 1] > 0) == (test.targets == 0)).float().mean() > 0.85


def test_few_shots_without_some_feature_do_not_blow_up_on_images_with_it():
    """A deviation of each feature's own would be 0 here, and test logits millions."""
    train, val, test = _features(10, 0), _features(10, 1), _features(100, 2)
    for part in (train, val):
        part.inputs[:, 6:] = 0
    test.inputs[:, 6:] = torch.rand(100, 6, generator=torch.Generator().manual_seed(3))
    head, _ = _train(_probe(min_steps=60), train, val)
    assert isinstance(head[0], Standardize)
    assert predict(head, test.inputs, CPU).abs().max() < 100


def test_the_same_seed_gives_the_same_head_and_another_another():
    heads = [
        _train(_probe(hidden=(8,)), _features(40, 0), _features(20, 1), seed=s)[0]
        for s in (1, 1, 2)
    ]
    states = [{k: v.numpy().tobytes() for k, v in h.state_dict().items()} for h in heads]
    assert states[0] == states[1]
    assert states[0] != states[2]


def test_a_head_scales_by_its_training_features_or_not_at_all():
    features = torch.randn(30, 12) * 3 + 2
    scaled, plain = (
        make_head(_probe(hidden=(6,), standardize=on), features, 4, 0) for on in (True, False)
    )
    torch.testing.assert_close(scaled[0].mean, features.mean(0))
    assert [type(m) for m in plain] == [nn.Linear, nn.ReLU, nn.Linear]
    assert torch.equal(scaled[1].weight, plain[0].weight)
    assert plain(features).shape == (30, 4)


def test_what_a_probe_did_is_counted():
    train, val = _features(40, 0), _features(20, 1)
    head, trained = _train(_probe(hidden=(8,), epochs=5), train, val)
    step = head_cost(head, 12)
    assert trained.training_flops == 5 * (40 * step.step + 20 * step.forward)
    assert trained.trainable_params == 12 * 8 + 8 + 8 * 2 + 2
    assert (trained.cached_bytes, trained.uncounted) == (0, ())
