"""A phase whose units freeze: what stays, what it costs, and that a cache changes only the bill."""

import pytest
import torch
from torch import nn

from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network
from greendapt.suite.freezing import Freezing, RelativeGradients, Settled
from greendapt.suite.recipes import Phase
from greendapt.train.cost import image_cost, prefix_flops
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import train_phase

CPU = Engine(torch.device("cpu"))
TRAIN, VAL = 20, 6
SHAPE = (3, 32, 32)


class Steps(Freezing):
    """One unit more each epoch."""

    rule: str = "steps"

    def frozen(self, front, moves, epochs):
        del moves, epochs
        return front + 1


class Slower(RelativeGradients):
    """Likewise, and rates by gradients."""

    rule: str = "slower"

    def frozen(self, front, moves, epochs):
        del moves, epochs
        return front + 1


class Stemless(RelativeGradients):
    """The stem's rate is 0 after the first epoch."""

    rule: str = "stemless"

    def rates(self, moves):
        return [0.0] + [1.0] * (len(moves[-1]) - 1)


def _images(count, seed):
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 200, (count, 1, 32, 32), generator=draw)
    return Examples(images.to(torch.uint8), torch.arange(count) % 2)


def _network(name="test_resnet"):
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=32)
    for module in backbone.net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return Network(backbone, nn.Linear(backbone.net.head_hidden_size, 2))


def _train(network, freeze, *, epochs=4, cache=False, state=None, **said):
    recipe = Phase(
        **{"train": "all", "learning_rate": 1e-3, "batch_size": 8, "optimizer": "sgd", **said},
        epochs=epochs,
        freeze=freeze,
    )
    training = Training(LOSSES["multiclass"], 0, CPU, lambda _share: None, state)
    return train_phase(network, _images(TRAIN, 0), _images(VAL, 1), recipe, training, cache=cache)


@pytest.mark.parametrize(
    ("name", "rule"),
    [("test_resnet", Steps()), ("test_vit", Steps()), ("test_resnet", Slower())],
    ids=lambda said: getattr(said, "rule", said),
)
def test_cached_it_is_the_same_training_for_less(name, rule, within):
    plain, cached, whole = _network(name), _network(name), _network(name)
    slowly = {"learning_rate": 1e-4}  # steps let roundings grow
    without = _train(plain, rule, **slowly)
    with_cache = _train(cached, rule, cache=True, **slowly)
    never = _train(whole, None, **slowly)
    assert without.frozen_units == with_cache.frozen_units == (0, 1, 2, 3)
    assert without.cached_bytes == 0 < with_cache.cached_bytes
    assert with_cache.training_flops < without.training_flops < never.training_flops
    losses = with_cache.fit.train_loss + with_cache.fit.val_loss
    assert losses == pytest.approx(without.fit.train_loss + without.fit.val_loss, rel=within(1e-4))
    near = {"atol": within(1e-5), "rtol": within(1e-4)}
    torch.testing.assert_close(cached.state_dict(), plain.state_dict(), **near)


def test_what_is_frozen_no_longer_moves():
    one, more = _network(), _network()
    _train(one, None, epochs=1, select="last")
    _train(more, Steps(), epochs=4, select="last", cache=True)
    after, later = one.backbone.net.state_dict(), more.backbone.net.state_dict()
    weights = [name for name, p in one.backbone.net.named_parameters() if p.ndim > 1]
    moved = {one.backbone.unit_of(n) for n in weights if not torch.equal(after[n], later[n])}
    assert moved == {1, 2, 3, 4}, "the stem froze after the first epoch"


def test_flops_are_those_of_each_epoch_and_of_what_was_stored():
    network = _network()
    spent = _train(network, Steps(), epochs=2, cache=True).training_flops
    whole, frozen = _network(), _network()
    all_of_it = image_cost(whole, SHAPE, 0)
    for name, parameter in frozen.backbone.net.named_parameters():
        parameter.requires_grad_(frozen.backbone.unit_of(name) > 0)
    rest = image_cost(frozen, SHAPE, 1)
    first = all_of_it.step * TRAIN + all_of_it.forward * VAL
    second = rest.step * TRAIN + rest.forward * VAL
    stored = prefix_flops(frozen.backbone, 32, 1) * (TRAIN + VAL)
    # batch norm is frozen, so that its parameters have no gradient to count
    norms = spent - first - second - stored
    assert abs(norms) < 0.02 * spent


def test_relative_gradients_are_those_of_the_weights():
    network, twin = _network(), _network()
    trained = _train(network, RelativeGradients(), epochs=1, batch_size=TRAIN, learning_rate=1e-9)
    (seen,) = trained.fit.state.moves
    images = _images(TRAIN, 0)
    twin.eval()
    logits = twin(twin.backbone.prepare(images.inputs))
    nn.functional.cross_entropy(logits, images.targets).backward()
    norms = {n for n, m in twin.backbone.net.named_modules() if isinstance(m, nn.BatchNorm2d)}
    for unit, found in enumerate(seen):
        own = [
            p
            for name, p in twin.backbone.net.named_parameters()
            if twin.backbone.unit_of(name) == unit and name.rpartition(".")[0] not in norms
        ]
        slope, size = (
            torch.cat([part.flatten() for part in parts]).norm()
            for parts in ([p.grad for p in own], own)
        )
        assert found == pytest.approx((slope / size).item(), rel=1e-4)


def test_units_learn_at_their_rates_and_that_costs_no_flops():
    network = _network()
    rated = _train(network, Stemless(), epochs=2, schedule="cosine")
    moved = torch.tensor(rated.fit.state.moves)
    assert (moved > 0).all()
    groups = rated.fit.state.optimizer["param_groups"]
    units = len(network.backbone.units)
    bases = {group["distance"]: group["initial_lr"] for group in groups}
    assert bases == {0: 1e-3, units: 0.0} | dict.fromkeys(range(1, units), 1e-3)
    assert max(group["lr"] for group in groups) < 1e-9, "the schedule is at its end"
    assert rated.training_flops == _train(_network(), None, epochs=2).training_flops


@pytest.mark.parametrize("rule", [Settled(percentile=100), RelativeGradients(least=0.9)])
@pytest.mark.parametrize("cache", [False, True])
def test_it_goes_on_where_it_stopped(cache, rule):
    once, first, then = _network(), _network(), _network()
    whole = _train(once, rule, cache=cache)
    half = _train(first, rule, epochs=2, cache=cache)
    rest = _train(then, rule, cache=cache, state=half.fit.state)
    assert half.frozen_units + rest.frozen_units == whole.frozen_units
    assert max(whole.frozen_units) > 0
    assert rest.fit.val_loss == whole.fit.val_loss
    assert all(torch.equal(then.state_dict()[k], v) for k, v in once.state_dict().items())


def test_augmented_views_are_not_stored():
    trained = _train(_network(), Steps(), cache=True, augmentation="light")
    assert trained.cached_bytes == 0
    assert trained.frozen_units == (0, 1, 2, 3)


def test_a_stop_rule_ends_it():
    recipe = Phase(train="all", epochs=4, learning_rate=1e-3, freeze=Steps())
    shares = []
    training = Training(
        LOSSES["multiclass"], 0, CPU, shares.append,
        watch=lambda epoch, _: type("Heed", (), {"stop": epoch == 2, "keep": True})(),
    )  # fmt: skip
    done = train_phase(_network(), _images(TRAIN, 0), _images(VAL, 1), recipe, training)
    assert len(done.fit.train_loss) == len(done.fit.epoch_s) == 2
    assert done.fit.epoch_s[0] < done.fit.epoch_s[1]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.5)
