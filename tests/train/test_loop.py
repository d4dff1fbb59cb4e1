"""The one training loop."""

import copy
import math
from itertools import chain

import pytest
import torch
from torch import nn

from greendapt.suite.recipes import Phase
from greendapt.train.engine import Engine, predict
from greendapt.train.inputs import Bank, Examples
from greendapt.train.loop import Diverged, Training, fit
from greendapt.train.objectives import multiclass, multilabel

CPU = Engine(torch.device("cpu"))


def _recipe(**said):
    return Phase(**{"train": "all", "epochs": 3, "learning_rate": 0.05, "batch_size": 8, **said})


def _examples(count, seed=0, flip=False):
    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    labels = (inputs[:, 0] > 0).long()
    return Examples(inputs, 1 - labels if flip else labels)


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 2))


def _fit(
    net,
    train,
    val=None,
    *,
    seed=0,
    encode=None,
    said=lambda _share: None,
    state=None,
    until=None,
    **recipe,
):
    return fit(
        net,
        encode or net,
        train,
        val,
        _recipe(until=until, **recipe),
        Training(multiclass, seed, CPU, said, state),
    )


def _bytes(net):
    return {key: value.numpy().tobytes() for key, value in net.state_dict().items()}


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_the_same_seed_gives_the_same_bytes(optimizer):
    results = []
    for seed in (1, 1, 2):
        net = _net()
        torch.manual_seed(7)  # dropout draws from the global state, which a stage seeds
        done = _fit(net, _examples(30), _examples(10, 1), seed=seed, optimizer=optimizer)
        results.append((_bytes(net), done))
    assert results[0] == results[1]
    assert results[0][0] != results[2][0]


@pytest.mark.parametrize("schedule", ["cosine", "poly", "constant"])
def test_a_part_of_a_schedule_is_that_part_of_the_whole(schedule):
    said = {"optimizer": "sgd", "epochs": 5, "schedule": schedule}
    whole, parts = _net(), _net()
    torch.manual_seed(7)
    once = _fit(whole, _examples(30), _examples(10, 1), **said)
    torch.manual_seed(7)
    state, shares = None, []
    for until in (2, 3, 5):
        torch.manual_seed(7 if state is None else 8)  # another process draws otherwise
        done = _fit(
            parts, _examples(30), _examples(10, 1), until=until, state=state, said=shares.append,
            **said,
        )  # fmt: skip
        state = done.state
        assert len(done.train_loss) == until
        assert shares[-1] == pytest.approx(1)
    assert _bytes(parts) == _bytes(whole)
    assert done.train_loss == once.train_loss


@pytest.mark.parametrize(
    ("images", "batch", "steps"), [(17, 8, 2), (16, 8, 2), (18, 8, 3), (3, 2, 1), (3, 1, 3)]
)
def test_a_last_batch_of_one_joins_the_one_before_where_statistics_are_taken(images, batch, steps):
    sizes = []
    net = _net() if batch > 1 else nn.Linear(4, 2)

    def encode(x):
        if net.training:
            sizes.append(len(x))
        return net(x)

    done = _fit(net, _examples(images), encode=encode, epochs=1, batch_size=batch)
    assert (done.steps, sum(sizes), len(sizes)) == (steps, images, steps)
    assert min(sizes) > 1 or batch == 1


def test_a_frozen_batch_norm_takes_a_batch_of_one():
    net = _net()
    for part in net.modules():
        part.training = not isinstance(part, nn.BatchNorm1d)
    assert _fit(net, _examples(17), epochs=1, batch_size=8).steps == 3


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("stops", [(2,), (1, 3), (4,)])
def test_a_training_in_parts_is_the_same_training(optimizer, stops):
    said = {"optimizer": optimizer, "learning_rate": 0.05, "schedule": "constant"}
    whole, parts = _net(), _net()
    torch.manual_seed(7)
    once = _fit(whole, _examples(30), _examples(10, 1), epochs=5, **said)
    torch.manual_seed(7)
    state, steps = None, 0
    for epochs in (*stops, 5):
        torch.manual_seed(7 if state is None else 8)  # another process draws otherwise
        done = _fit(parts, _examples(30), _examples(10, 1), epochs=epochs, state=state, **said)
        state, steps = done.state, steps + done.steps
    assert _bytes(parts) == _bytes(whole)
    assert (done.train_loss, done.val_loss) == (once.train_loss, once.val_loss)
    assert (done.best_epoch, steps) == (once.best_epoch, once.steps)


def test_the_beginning_of_a_training_is_a_short_training():
    short, part = _net(), _net()
    said = {"schedule": "constant", "learning_rate": 0.05}
    torch.manual_seed(7)
    one = _fit(short, _examples(30), _examples(10, 1), epochs=2, **said)
    torch.manual_seed(7)
    two = _fit(part, _examples(30), _examples(10, 1), epochs=2, **said)
    _fit(part, _examples(30), _examples(10, 1), epochs=5, state=two.state, **said)
    assert one == two
    assert _bytes(part) != _bytes(short)


def test_an_example_of_a_bank_is_one_of_its_views():
    images, views = 6, 3
    inputs = torch.arange(images * (1 + views))[:, None].float()
    rows = torch.tensor([4, 1])
    bank = Bank(views, images, torch.Generator().manual_seed(0))
    seen = [
        Examples(inputs, torch.zeros(2), rows, bank).at(torch.tensor([0, 1]), torch.device("cpu"))
        for _ in range(60)
    ]
    drawn = torch.stack([batch for batch, _ in seen])[..., 0]
    assert (drawn % images == rows).all()
    assert set(drawn.div(images, rounding_mode="floor").unique().tolist()) == {1, 2, 3}


def test_batches_come_from_the_seed_and_each_image_once_an_epoch():
    seen = []

    class Spy(nn.Linear):
        def forward(self, x):
            if self.training:
                seen.append(x[:, 0].tolist())
            return super().forward(x)

    inputs = torch.arange(10.0)[:, None].expand(10, 4).contiguous()
    train = Examples(inputs, torch.zeros(10, dtype=torch.long))
    done = _fit(Spy(4, 2), train, epochs=2, batch_size=4, learning_rate=1e-6)
    assert [len(batch) for batch in seen] == [4, 4, 2, 4, 4, 2]
    first, second = list(chain(*seen[:3])), list(chain(*seen[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert (done.steps, done.samples, done.samples_validated) == (6, 20, 0)


def _drifting():
    """Training pulls one way, validation wants the other: the first epoch is the best."""
    return _examples(32), _examples(16, 1, flip=True)


def test_the_weights_of_the_best_epoch_are_kept():
    train, val = _drifting()
    net = _net()
    done = _fit(net, train, val, epochs=4)
    assert done.val_loss[0] == min(done.val_loss) < done.val_loss[-1]
    assert done.best_epoch == 0
    net.eval()
    kept = multiclass(predict(net, val.inputs, CPU), val.targets).item()
    assert kept == pytest.approx(done.val_loss[0], rel=1e-6)
    assert done.samples_validated == 4 * len(val)


def test_without_dropout_the_kept_epoch_is_bit_for_bit_that_epoch():
    train, val = _drifting()
    long, short = (nn.Sequential(*_net()[:2], _net()[3]) for _ in range(2))
    short.load_state_dict(long.state_dict())
    _fit(long, train, val, epochs=4)
    _fit(short, train, val, epochs=1)
    assert _bytes(long) == _bytes(short)


def test_the_last_epoch_is_kept_when_the_recipe_says_so():
    train, val = _drifting()
    nets = [_net(), _net()]
    for net, select in zip(nets, ("last", "best"), strict=True):
        torch.manual_seed(7)
        done = _fit(net, train, val, epochs=4, select=select)
        if select == "last":
            assert (done.best_epoch, done.val_loss, done.samples_validated) == (3, (), 0)
    assert _bytes(nets[0]) != _bytes(nets[1])


def test_no_validation_examples_keep_the_last_epoch():
    for val in (None, _examples(0)):
        done = _fit(_net(), _examples(16), val)
        assert (done.best_epoch, done.val_loss) == (2, ())


def test_of_equal_epochs_the_first_is_kept():
    net = nn.Linear(4, 2).requires_grad_(False)
    net.bias.requires_grad_(True)
    done = _fit(net, _examples(8), _examples(8), learning_rate=1e-30)
    assert len(set(done.val_loss)) == 1
    assert done.best_epoch == 0


def test_validation_runs_in_eval_mode_and_puts_each_modules_mode_back():
    modes = []

    class Watch(nn.Module):
        def forward(self, x):
            modes.append(self.training)
            return x

    net = nn.Sequential(Watch(), *_net())
    net.train()
    net[2].eval()  # a frozen batch norm
    before = [module.training for module in net.modules()]
    _fit(net, _examples(16), _examples(8), epochs=2)
    before_any_step, *epochs = modes
    assert not before_any_step
    assert epochs == [True, True, False, True, True, False]
    assert [module.training for module in net.modules()] == before


def test_modes_come_back_when_validation_fails():
    net = _net().train()
    val = Examples(torch.full((4, 4), math.nan), torch.zeros(4, dtype=torch.long))
    with pytest.raises(Diverged, match="epoch 1"):
        _fit(net, _examples(16), val)
    assert all(module.training for module in net.modules())


def test_a_loss_that_is_no_number_ends_training_with_advice():
    with pytest.raises(Diverged, match=r"epoch \d+; take a smaller learning_rate than 1e\+10"):
        _fit(_net(), _examples(64), optimizer="sgd", learning_rate=1e10, epochs=20)
    assert Diverged("").exit_code == 4


def test_only_what_requires_a_gradient_moves():
    net = _net()
    net[0].requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    _fit(net, _examples(16), weight_decay=0.1, optimizer="adamw")
    assert torch.equal(net[0].weight, before["0.weight"])
    assert not torch.equal(net[3].weight, before["3.weight"])


def test_few_images_are_gone_over_until_the_steps_are_done():
    done = _fit(_net(), _examples(5), epochs=2, min_steps=9, learning_rate=1e-3)
    assert (done.steps, done.samples, len(done.train_loss)) == (9, 45, 9)


def _path(schedule, epochs=5):
    """Where a parameter with a constant gradient goes, one value a step."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    trail = []

    def encode(x):
        if net.training:
            trail.append(net.weight.item())
        return net(x)

    train = Examples(torch.ones(1, 1), torch.zeros(1, dtype=torch.long))
    recipe = _recipe(epochs=epochs, schedule=schedule, optimizer="sgd", learning_rate=0.1)
    fit(
        net,
        encode,
        train,
        None,
        recipe,
        Training(lambda logits, _targets: logits.sum(), 0, CPU, lambda _share: None),
    )
    return [*trail, net.weight.item()]


@pytest.mark.parametrize("schedule", ["constant", "cosine", "poly"])
def test_the_schedule_over_all_steps(schedule):
    """Nesterov momentum .9 on a gradient of 1, by hand."""
    place, speed, expected = 0.0, 0.0, [0.0]
    for step in range(5):
        factors = {
            "constant": 1.0,
            "cosine": 0.5 * (1 + math.cos(math.pi * step / 5)),
            "poly": (1 - step / 5) ** 0.9,
        }
        rate = 0.1 * factors[schedule]
        speed = 0.9 * speed + 1
        place -= rate * (1 + 0.9 * speed)
        expected.append(place)
    assert _path(schedule) == pytest.approx(expected, rel=1e-5)


def test_progress_rises_to_one():
    said = []
    _fit(_net(), _examples(20), said=said.append)
    assert said == sorted(said)
    assert said[-1] == pytest.approx(1)
    assert len(said) == 9


def test_the_losses_are_means_over_images(within):
    net = nn.Linear(4, 2)
    train, val = _examples(19), _examples(70, 1)
    start = multiclass(net(train.inputs), train.targets).item()
    done = _fit(net, train, val, epochs=1, learning_rate=1e-30)
    assert done.train_loss[0] == pytest.approx(start, rel=within(1e-5))
    expected = multiclass(net(val.inputs), val.targets).item()
    assert done.val_loss[0] == pytest.approx(expected, rel=within(1e-5))


def test_the_validation_loss_is_a_mean_over_the_labels_that_are_known(within):
    net = nn.Linear(4, 2)
    inputs = _examples(140, 1).inputs
    targets = (inputs[:, :2] > 0).float()
    targets[:60, 0] = math.nan  # the first batch of 64 knows little
    targets[:50, 1] = math.nan
    done = fit(
        net, net, Examples(inputs, targets), Examples(inputs, targets),
        _recipe(epochs=1, learning_rate=1e-30),
        Training(multilabel, 0, CPU, lambda _share: None),
    )  # fmt: skip
    expected = multilabel(net(inputs), targets).item()
    assert done.val_loss[0] == pytest.approx(expected, rel=within(1e-5))


def test_predict_keeps_the_order_and_needs_no_gradient(within):
    net = nn.Linear(4, 2)
    inputs = torch.randn(130, 4)
    logits = predict(net, inputs, CPU)
    assert (logits.shape, logits.dtype, logits.requires_grad) == ((130, 2), torch.float32, False)
    torch.testing.assert_close(logits, net(inputs).detach(), atol=within(1e-5), rtol=1e-5)
    assert torch.equal(logits, predict(net, inputs, CPU, batch_size=64))


def test_training_learns():
    net = _net()
    done = _fit(net, _examples(200), _examples(100, 1), epochs=15)
    val = _examples(100, 2)
    net.eval()
    right = (predict(net, val.inputs, CPU).argmax(1) == val.targets).float().mean()
    assert right > 0.9
    assert done.train_loss[-1] < done.train_loss[0]
