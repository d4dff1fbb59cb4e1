"""Masked images and self-distillation, against the papers' formulas and what must not matter."""

import math

import pytest
import torch
from torch import nn

from greendapt.core.errors import ModelError
from greendapt.core.registry import PluginError
from greendapt.data.augment import Drawn
from greendapt.meter.flops import training_step_flops
from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network
from greendapt.suite.objectives import Dino, Objective, SimMIM
from greendapt.suite.recipes import Phase
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.learners.base import learner_of
from greendapt.train.loop import Training
from greendapt.train.phase import train_phase

CPU = Engine(torch.device("cpu"))
SMALL = {"hidden": 16, "bottleneck": 8, "outputs": 12}
TRAIN, VAL = 18, 4


def _network(objective, name="test_resnet", size=64):
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=size)
    for part in backbone.modules():
        if isinstance(part, nn.BatchNorm2d):  # timm starts some at 0: no gradient passes
            nn.init.ones_(part.weight)
    return learner_of(objective, 0).network(backbone, size, seed=0)


def _train(network, objective, state=None, **said):
    images = torch.randint(
        0, 256, (TRAIN + VAL, 1, 64, 64), generator=torch.Generator().manual_seed(1)
    ).to(torch.uint8)
    targets = torch.full((len(images),), -1)
    usual = {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8, "select": "last"}
    phase = Phase(**{**usual, "train": "all", "objective": objective, **said})
    loss = learner_of(objective, 0).loss(network, "unlabelled")
    return train_phase(
        network,
        Examples(images[:TRAIN], targets[:TRAIN]),
        Examples(images[TRAIN:], targets[TRAIN:]),
        phase,
        Training(loss, 3, CPU, lambda _share: None, state),
    )


def _views(count, kind="none"):
    return Drawn(kind, torch.Generator().manual_seed(0), count, slice(None))


# --- masked images --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
def test_the_loss_is_of_hidden_pixels_which_the_network_does_not_see(name):
    network = _network(SimMIM(), name).eval()
    images = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    x, hidden = network.inputs(images, _views(3))
    guesses = []
    network.head.register_forward_hook(lambda _module, _inputs, out: guesses.append(out))
    other = torch.where(hidden, -x, x)
    losses = [network(given, hidden) for given in (x, other, x.flip(2))]
    assert torch.equal(guesses[0], guesses[1])
    assert not torch.equal(guesses[0], guesses[2])
    off = (guesses[0] - x).abs()
    for loss, far, gone in zip(losses[0], off, hidden, strict=True):
        assert loss.item() == pytest.approx(far[:, gone[0]].mean().item(), rel=1e-5)
    assert not torch.equal(losses[0], losses[1])


@pytest.mark.parametrize(
    ("name", "settings", "cell", "share"),
    [
        ("test_resnet", {}, 9, math.ceil(0.6 * 64) / 64),
        ("test_resnet", {"mask_patch": 56, "mask_ratio": 0.25}, 16, 4 / 16),
        ("test_vit", {}, 16, math.ceil(0.6 * 16) / 16),  # never less than what it embeds as one
        ("test_vit", {"mask_patch": 112}, 32, math.ceil(0.6 * 4) / 4),
    ],
)
def test_so_many_cells_of_each_image_are_hidden_whole(name, settings, cell, share):
    network = _network(SimMIM(**settings), name)
    _, hidden = network.inputs(torch.rand(5, 1, 64, 64), _views(5))
    cells = -(-64 // cell)
    grid = hidden[:, 0, ::cell, ::cell]
    assert (grid.flatten(1).sum(1) == round(share * cells**2)).all()
    whole = grid.repeat_interleave(cell, 1).repeat_interleave(cell, 2)[:, :64, :64]
    assert torch.equal(whole, hidden[:, 0])
    assert not torch.equal(hidden[0], hidden[1])


def test_one_patch_an_image_is_refused():
    with pytest.raises(ModelError, match="one patch, which is hidden or not"):
        _network(SimMIM(), "test_vit", size=16)


def test_masked_images_learn_with_a_validation_loss():
    network = _network(SimMIM(), "test_vit")
    token = network.head.token.detach().clone()
    done = _train(network, SimMIM(), epochs=6, select="best", learning_rate=3e-3)
    assert done.fit.train_loss[-1] < done.fit.train_loss[0]
    assert len(done.fit.val_loss) == 6
    assert not torch.equal(network.head.token, token)
    assert done.uncounted == ()


# --- self-distillation ----------------------------------------------------------------------


def test_the_loss_is_the_papers():
    """H(softmax((t - C) / tau_t), softmax(s / tau_s)) over all pairs of another view (eq. 1, 3)."""
    network = _network(Dino(**SMALL, local_views=3))
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(7 * 4, 12, generator=draw)
    centre = torch.randn(12, generator=draw)
    network.centre.copy_(centre)
    losses = []
    for image in range(4):
        views = [rows[view * 4 + image].double() for view in range(7)]
        for t, teacher in enumerate(views[5:]):
            p = ((teacher - centre.double()) / 0.04).exp()
            for s, student in enumerate(views[:5]):
                if s != t:
                    q = (student / 0.1).exp()
                    losses.append(-(p / p.sum() * (q / q.sum()).log()).sum().item())
    network.train()
    assert network.loss(rows, rows).item() == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    moved = 0.9 * centre + 0.1 * rows[20:].mean(0)
    torch.testing.assert_close(network.centre, moved)
    network.eval().loss(rows, rows)
    torch.testing.assert_close(network.centre, moved)  # validation teaches nothing


def test_the_teacher_follows_the_student_ever_slower():
    network = _network(Dino(**SMALL, momentum=0.5))
    network.begin()
    before = network.teacher.head.prototypes.weight.clone()
    with torch.no_grad():
        network.head.prototypes.weight.add_(1.0)
    network.stepped(0.0)
    after = network.teacher.head.prototypes.weight
    torch.testing.assert_close(after, before + 0.5)
    network.stepped(1.0)
    torch.testing.assert_close(after, before + 0.5)


@pytest.mark.parametrize("keep", ["teacher", "student"])
@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_it_leaves_whom_it_is_to_leave(name, keep):
    objective = Dino(**SMALL, local_views=2, local_side=112, keep=keep, momentum=0.9)
    network = _network(objective, name)
    done = _train(network, objective, batch_norm="train")
    last = done.fit.state.last
    kept = "teacher.backbone.net." if keep == "teacher" else "backbone.net."
    other = "backbone.net." if keep == "teacher" else "teacher.backbone.net."
    state = network.backbone.net.state_dict()
    assert all(torch.equal(value, last[kept + key]) for key, value in state.items())
    assert not all(torch.equal(value, last[other + key]) for key, value in state.items())
    assert last["centre"].any()
    assert done.trainable_params == sum(
        p.numel() for p in (*network.backbone.parameters(), *network.head.parameters())
    )


@pytest.mark.parametrize(
    ("name", "size", "side"),
    [
        ("test_resnet", 224, 96),
        ("test_resnet", 64, 32),  # not 27: most networks end in one place of 32 px
        ("test_resnet", 24, 24),
        ("test_vit", 256, 112),  # whole patches of 16 px
        ("vit_tiny_patch16_224", 224, 224),  # built for one size
    ],
)
def test_small_crops_are_small_where_the_network_takes_them(name, size, side):
    with torch.device("meta"):
        network = learner_of(Dino(**SMALL), 0).network(
            create_backbone(name, image_size=size), size, seed=0
        )
    assert network.side == side


def test_every_view_and_the_teachers_passes_are_counted():
    objective = Dino(**SMALL, local_views=3, local_side=112)
    network = _network(objective)
    done = _train(network, objective, batch_norm="train")
    plain = Network(network.backbone, network.head)
    whole, small = (training_step_flops(plain, (1, 3, side, side)) for side in (64, 32))
    step = 2 * whole.total + 3 * small.total + 2 * whole.forward
    assert done.training_flops == step * TRAIN * 2
    assert done.uncounted == ()


OBJECTIVES = [
    SimMIM(),
    Dino(**SMALL, local_views=1, local_side=112, momentum=0.5),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_a_phase_that_goes_on_ends_with_the_bytes_of_one_that_did_not_stop(objective):
    said = {"epochs": 4, "augmentation": "light", "batch_norm": "train", "schedule": "cosine"}
    whole, first, second = (_network(objective) for _ in range(3))
    done = _train(whole, objective, **said)
    state = _train(first, objective, **said, until=2).fit.state
    went_on = _train(second, objective, state, **said)
    assert went_on.fit.train_loss == done.fit.train_loss
    for key, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key


def test_a_learner_that_is_not_there_is_a_sentence():
    class Lost(Objective):
        learner = "greendapt.nowhere:Learner"
        name: str = "lost"

    with pytest.raises(PluginError, match="the objective 'lost' cannot be loaded"):
        learner_of(Lost(), 0)
