"""Which tensors of a file a network takes, whatever they are called there."""

from functools import cache

import pytest
import timm
import torch
from checkpoint_layouts import LAYOUTS, NETWORKS, at, older
from torchvision import models as theirs

from greendapt.core.errors import WeightsError
from greendapt.models.checkpoint_files import read
from greendapt.models.checkpoint_names import account, fit


@cache
def network(kind):
    """Its state has no two equal tensors, so that none can take another's place."""
    name, options = NETWORKS[kind]
    net = timm.create_model(name, num_classes=0, **options)
    drawn = torch.Generator().manual_seed(0)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=drawn))
    return net


@pytest.mark.parametrize(
    "layout", [one for one in LAYOUTS if not one.refused], ids=lambda one: one.of
)
def test_a_public_layout_gives_each_tensor_its_place(layout, tmp_path):
    net = network(layout.network)
    state = net.state_dict()
    path = tmp_path / "checkpoint.pth"
    torch.save(layout.holds(state), path)
    fitting, others = fit(net, read(path).tensors, "FILE")
    assert (fitting.prefix, fitting.how) == (layout.under, layout.how)
    counters = {name for name in state if name.endswith("num_batches_tracked")}
    assert state.keys() - counters <= fitting.taken.keys() <= state.keys()
    if layout.exact:
        assert all(torch.equal(tensor, state[name]) for name, tensor in fitting.taken.items())
    said = account(fitting, others)
    assert said.startswith(f"{len(fitting.taken)} tensors of the file's {fitting.held}")
    assert layout.under.rstrip(".") in said


@pytest.mark.parametrize("layout", [one for one in LAYOUTS if one.refused], ids=lambda one: one.of)
def test_a_layout_that_does_not_fit_is_refused_with_a_short_table(layout, tmp_path):
    net = network(layout.network)
    path = tmp_path / "checkpoint.pth"
    torch.save(layout.holds(net.state_dict()), path)
    with pytest.raises(WeightsError, match=layout.refused) as caught:
        fit(net, read(path).tensors, "FILE")
    lines = str(caught.value).splitlines()
    assert len(lines) <= 12
    assert lines[0].startswith("weights: FILE ")


def test_there_are_forty_layouts_and_each_has_a_name_of_its_own():
    assert len({layout.of for layout in LAYOUTS}) == len(LAYOUTS) >= 40


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("teacher.", "student."),
        ("ema_model.", "model."),
        ("online_encoder.", "target_encoder."),
        ("encoder_q.", "encoder_k."),
        ("backbone.", "backbone_momentum."),
        ("model.", "student."),
    ],
)
def test_of_two_copies_the_better_one_is_taken_and_the_other_named(first, then):
    net = network("resnet")
    state = net.state_dict()
    for tensors in (
        at(first, state) | at(then, older(state)),
        at(then, older(state)) | at(first, state),
    ):
        fitting, others = fit(net, tensors, "FILE")
        assert (fitting.prefix, others) == (first, [then])
        assert torch.equal(fitting.taken["conv1.weight"], state["conv1.weight"])
        assert f"not the copy under '{then.rstrip('.')}'" in account(fitting, others)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda tensor: tensor.to(torch.complex64),
        lambda tensor: tensor.to(torch.int64),
        lambda tensor: tensor.to_sparse(),
        lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
        lambda tensor: tensor.to("meta"),
    ],
    ids=["complex", "whole numbers", "sparse", "quantized", "without data"],
)
def test_a_tensor_of_another_kind_is_no_weight(spoilt):
    net = network("resnet")
    state = dict(net.state_dict())
    state["bn1.weight"] = spoilt(state["bn1.weight"])
    with pytest.raises(WeightsError, match=r"of another shape or kind +1  bn1.weight"):
        fit(net, state, "FILE")


def test_counters_in_another_kind_of_number_count_anew():
    net = network("resnet")
    halved = {name: tensor.half() for name, tensor in net.state_dict().items()}
    fitting, _ = fit(net, halved, "FILE")
    assert not any(name.endswith("num_batches_tracked") for name in fitting.taken)


def test_one_tensor_is_no_network():
    with pytest.raises(WeightsError, match=r"does not fit the backbone: 1 tensors for \d+ \(x\)"):
        fit(network("resnet"), {"x": torch.ones(1)}, "FILE")


# --- torchvision's networks: the same function, not only the same shapes ----------------------

BLOCKS = [
    theirs.convnext.CNBlockConfig(width, further, 1)
    for width, further in ((8, 16), (16, 16), (16, 24), (24, None))
]
PAIRS = {
    "ResNet": (theirs.resnet18, "resnet18", {}, ""),
    "DenseNet": (
        lambda: theirs.DenseNet(4, (2, 2, 2, 2), 8),
        "densenet121",
        {"growth_rate": 4, "block_config": (2, 2, 2, 2)},
        "",
    ),
    "MobileNetV2": (theirs.mobilenet_v2, "mobilenetv2_100", {}, "torchvision's names"),
    "EfficientNet": (theirs.efficientnet_b0, "efficientnet_b0", {}, "torchvision's names"),
    "ConvNeXt": (
        lambda: theirs.ConvNeXt(BLOCKS),
        "convnext_tiny",
        {"depths": (1, 1, 1, 1), "dims": (8, 16, 16, 24)},
        "torchvision's names",
    ),
    "Swin": (
        lambda: theirs.SwinTransformer([4, 4], 12, [2, 2, 2, 2], [1, 1, 2, 2], [2, 2]),
        "swin_tiny_patch4_window7_224",
        {
            "img_size": 64,
            "window_size": 2,
            "embed_dim": 12,
            "depths": (2, 2, 2, 2),
            "num_heads": (1, 1, 2, 2),
        },
        "torchvision's names",
    ),
    "ViT": (
        lambda: theirs.VisionTransformer(64, 16, 2, 2, 24, 96),
        "vit_base_patch16_224",
        {"img_size": 64, "embed_dim": 24, "depth": 2, "num_heads": 2},
        "torchvision's names",
    ),
}


@pytest.mark.parametrize("family", PAIRS)
def test_torchvisions_weights_make_the_same_logits_in_timms_network(family):
    make, name, options, how = PAIRS[family]
    torch.manual_seed(0)
    given = make().eval()
    for norm in (one for one in given.modules() if isinstance(one, torch.nn.BatchNorm2d)):
        norm.running_mean.uniform_(-0.1, 0.1)
        norm.running_var.uniform_(0.5, 1.5)
    net = timm.create_model(name, num_classes=0, **options).eval()
    fitting, _ = fit(net, given.state_dict(), "FILE")
    net.load_state_dict(fitting.taken, strict=False)
    last = [one for one in given.modules() if isinstance(one, torch.nn.Linear)][-1]
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(last(net(images)), given(images))
    assert fitting.how == how


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (theirs.mobilenet_v3_small, "mobilenetv3_small_100"),
        (theirs.efficientnet_b0, "tf_efficientnet_b0"),
        (theirs.regnet_y_400mf, "regnety_004"),
    ],
)
def test_torchvisions_networks_that_timm_computes_otherwise_are_refused(make, name):
    with pytest.raises(WeightsError, match="does not fit the backbone"):
        fit(timm.create_model(name, num_classes=0), make().state_dict(), "FILE")
