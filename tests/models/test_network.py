"""Heads, and the fixed scaling of features."""

import pytest
import torch
from torch import nn

from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network, Standardize, mlp


def test_a_network_may_start_at_any_unit():
    backbone = create_backbone("test_resnet", image_size=32)
    network = Network(backbone, mlp(96, (), 3, 0)).eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        logits = network(x)
        assert torch.equal(logits, network.head(backbone(x)))
        for start in (1, 3, 5):
            before = backbone.run(x, 0, start if start < 5 else None)
            assert torch.equal(network(before, start), logits)


def test_an_mlp_has_the_widths_and_the_seed_it_is_given():
    head = mlp(7, (5, 4), 2, seed=3)
    assert [type(layer) for layer in head] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [tuple(layer.weight.shape) for layer in head[::2]] == [(5, 7), (4, 5), (2, 4)]
    assert torch.equal(mlp(7, (5, 4), 2, seed=3)[0].weight, head[0].weight)
    assert not torch.equal(mlp(7, (5, 4), 2, seed=4)[0].weight, head[0].weight)


def test_making_an_mlp_leaves_the_random_state_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    mlp(7, (), 2, seed=9)
    assert torch.equal(torch.rand(3), expected)


def test_standardize_centres_each_feature_and_scales_all_by_one_number():
    features = torch.randn(200, 5) * torch.tensor([1.0, 2, 3, 4, 5]) + 7
    out = Standardize(features)(features)
    torch.testing.assert_close(out.mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    assert out.square().mean().item() == pytest.approx(1, rel=1e-4)
    ratio = out.std(0) / features.std(0)
    torch.testing.assert_close(ratio, ratio[0].expand(5))


def test_a_feature_absent_from_few_shots_does_not_blow_up_later():
    shots = torch.rand(4, 10)
    shots[:, :5] = 0
    out = Standardize(shots)(torch.rand(50, 10))
    assert out.abs().max() < 20


def test_features_that_are_all_the_same_stay_finite():
    assert Standardize(torch.ones(4, 3))(torch.ones(2, 3)).abs().max() == 0
