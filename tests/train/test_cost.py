"""FLOPs of a training, against counts of what really runs and sums by hand."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network, Standardize, mlp
from greendapt.suite.recipes import Trainable
from greendapt.train.cost import ImageCost, forward_flops, head_cost, image_cost, nbytes
from greendapt.train.loop import Fit
from greendapt.train.train_sets import first_trainable, set_phase

SHAPE = (3, 32, 32)


def _network():
    return Network(create_backbone("test_resnet", image_size=32), nn.Linear(96, 3))


def _counted(step):
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def _cost(network, train):
    set_phase(network, Trainable(train, "frozen"))
    return image_cost(network, SHAPE, first_trainable(network.backbone, Trainable(train, "frozen")))


@pytest.mark.parametrize("train", ["head", "last:1", "last:2", "all", ("stage2",)])
def test_an_image_costs_what_torch_counts_on_real_tensors(train):
    """test_resnet has no grouped convolution, so torch's own counter is right about it."""
    network = _network()
    cost = _cost(network, train)
    images = torch.randn(1, *SHAPE)
    start = first_trainable(network.backbone, Trainable(train, "frozen"))
    end = None if start == len(network.backbone.units) else start
    with torch.no_grad():
        prefix = network.backbone.run(images, 0, end) if start else images
        assert cost.prefix == (
            _counted(lambda: network.backbone.run(images, 0, end)) if start else 0
        )
        assert cost.forward == _counted(lambda: network(prefix, start))
    assert cost.step == _counted(lambda: network(prefix, start).sum().backward())
    assert cost.uncounted == ()


def test_the_parts_of_every_phase_add_up_to_one_forward_pass():
    network = _network()
    whole = _cost(network, "all").forward
    assert whole == forward_flops(network.backbone, 32) + 2 * 96 * 3
    for train in ("head", "last:1", "last:2", ("stage3", "stage4")):
        cost = _cost(network, train)
        assert cost.prefix + cost.forward == whole
        assert cost.forward < cost.step <= 3 * cost.forward


def test_a_later_start_costs_less_a_step():
    network = _network()
    steps = [_cost(network, train).step for train in ("head", "last:1", "last:2", "last:3", "all")]
    assert steps == sorted(steps)
    assert steps[0] == 2 * (2 * 96 * 3)  # forward, and the gradient of the weights


def test_resnet50_costs_what_is_published():
    """4.09 G multiply-adds an image of 224 pixels (He et al. 2016, and torchvision's tables)."""
    with torch.device("meta"):
        backbone = create_backbone("resnet50")
    assert forward_flops(backbone, 224) / 2e9 == pytest.approx(4.09, abs=0.01)


def test_counting_leaves_the_network_alone():
    network = _network()
    set_phase(network, Trainable("last:1", "train"))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    flags = [p.requires_grad for p in network.parameters()]
    modes = [m.training for m in network.modules()]
    torch.manual_seed(3)
    image_cost(network, SHAPE, first_trainable(network.backbone, Trainable("last:1", "frozen")))
    forward_flops(network.backbone, 32)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), after)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert [p.requires_grad for p in network.parameters()] == flags
    assert [m.training for m in network.modules()] == modes
    assert all(p.grad is None for p in network.parameters())


def test_a_head_on_features():
    cost = head_cost(mlp(10, (6,), 3, 0), 10)
    first, second = 2 * 10 * 6, 2 * 6 * 3
    assert (cost.prefix, cost.forward) == (0, first + second)
    assert cost.step == 2 * first + 3 * second  # no gradient of the features is needed
    scaled = nn.Sequential(Standardize(torch.randn(5, 10)), *mlp(10, (6,), 3, 0))
    assert head_cost(scaled, 10) == cost


def test_a_training_is_the_sum_of_what_it_ran():
    fit = Fit((0.0,) * 2, (0.0,) * 2, 0, steps=8, samples=60, samples_validated=20)
    cost = ImageCost(prefix=1000, forward=10, step=30)
    assert cost.of(fit, images_through_prefix=40) == 40 * 1000 + 60 * 30 + 20 * 10
    assert cost.of(fit, images_through_prefix=160, views=2) == 160 * 1000 + 2 * (60 * 30 + 20 * 10)


def test_bytes_of_activations():
    assert nbytes(10, (3, 2, 2)) == torch.zeros(10, 3, 2, 2).nbytes
