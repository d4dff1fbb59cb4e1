"""FLOPs against closed forms, against the devices' own kernels, and against an independent
count by module hooks over timm's families."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from math import prod

import pytest
import timm
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from greendapt.core.errors import MeterError
from greendapt.meter.flops import FlopCount, count_call, count_step, meta_copy, training_step_flops
from greendapt.meter.flops_fvcore import fvcore_forward_flops

pytestmark = pytest.mark.usefixtures("one_thread")


def _meta_model(name: str) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(name, pretrained=False)


@cache
def _everything(name: str) -> FlopCount:
    model = _meta_model(name)
    return training_step_flops(model, _one_image(model))


def _one_image(model: nn.Module) -> tuple[int, ...]:
    return (1, *model.default_cfg["input_size"])


def _step(layer: nn.Module, shape: tuple[int, ...], input_grad: bool = True) -> FlopCount:
    layer = meta_copy(layer)
    x = torch.empty(shape, device="meta", requires_grad=input_grad)
    return count_step(lambda: layer(x))


# ---- closed forms: multiply-adds of one forward pass, written out by hand

LAYERS: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], int]] = [
    ("conv", lambda: nn.Conv2d(3, 8, 3), (2, 3, 10, 12), 2 * 8 * 8 * 10 * 3 * 9),
    ("strided", lambda: nn.Conv2d(3, 8, 3, 2, 1), (1, 3, 11, 11), 8 * 6 * 6 * 3 * 9),
    ("dilated", lambda: nn.Conv2d(4, 4, 3, dilation=2), (1, 4, 9, 9), 4 * 5 * 5 * 4 * 9),
    ("no bias", lambda: nn.Conv2d(3, 8, 1, bias=False), (1, 3, 4, 4), 8 * 16 * 3),
    ("grouped", lambda: nn.Conv2d(8, 12, 3, padding=1, groups=4), (2, 8, 5, 5), 2 * 12 * 25 * 18),
    ("depthwise", lambda: nn.Conv2d(16, 16, 5, padding=2, groups=16), (1, 16, 7, 7), 16 * 49 * 25),
    ("multiplied", lambda: nn.Conv2d(4, 8, 3, groups=4), (1, 4, 5, 5), 8 * 9 * 9),
    ("conv1d", lambda: nn.Conv1d(4, 6, 3, groups=2), (2, 4, 9), 2 * 6 * 7 * 2 * 3),
    ("conv3d", lambda: nn.Conv3d(2, 4, 3), (1, 2, 5, 5, 5), 4 * 27 * 2 * 27),
    ("unbatched", lambda: nn.Conv2d(3, 8, 3), (3, 10, 12), 8 * 8 * 10 * 3 * 9),
    ("transposed", lambda: nn.ConvTranspose2d(6, 4, 3, 2), (2, 6, 5, 5), 2 * 6 * 25 * 4 * 9),
    (
        "transposed, grouped",
        lambda: nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
        (1, 6, 5, 5),
        6 * 25 * 2 * 9,
    ),
    ("transposed1d", lambda: nn.ConvTranspose1d(3, 5, 4, stride=2), (1, 3, 8), 3 * 8 * 5 * 4),
    ("linear 1-d", lambda: nn.Linear(7, 5), (7,), 7 * 5),
    ("linear 1-d, no bias", lambda: nn.Linear(7, 5, bias=False), (7,), 7 * 5),
    ("linear 2-d", lambda: nn.Linear(7, 5), (3, 7), 3 * 7 * 5),
    ("linear 3-d", lambda: nn.Linear(7, 5), (2, 3, 7), 6 * 7 * 5),
    ("linear 4-d, no bias", lambda: nn.Linear(7, 5, bias=False), (2, 3, 4, 7), 24 * 7 * 5),
    ("linear 5-d", lambda: nn.Linear(7, 5), (2, 1, 3, 4, 7), 24 * 7 * 5),
]
IDS = [name for name, *_ in LAYERS]
CASES = [case for _, *case in LAYERS]


@pytest.mark.parametrize(("make", "shape", "macs"), CASES, ids=IDS)
def test_layer_costs_its_closed_form(make, shape, macs):
    layer = make()
    assert _step(layer, shape) == FlopCount(2 * macs, 4 * macs)


@pytest.mark.parametrize(("make", "shape", "macs"), CASES, ids=IDS)
def test_only_wanted_gradients_are_paid(make, shape, macs):
    layer = make()
    assert _step(layer, shape, input_grad=False).backward == 2 * macs  # the weight's only
    layer.weight.requires_grad_(False)
    assert _step(layer, shape, input_grad=True).backward == 2 * macs  # the input's only
    layer.requires_grad_(False)
    assert _step(layer, shape, input_grad=False) == FlopCount(2 * macs, 0)


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3),
    groups=st.integers(1, 4),
    c_in=st.integers(1, 3),
    c_out=st.integers(1, 3),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    size=st.integers(4, 9),
    transposed=st.booleans(),
)
def test_any_convolution(batch, groups, c_in, c_out, kernel, stride, padding, size, transposed):
    """A transposed convolution is the input gradient of a convolution: it costs the same."""
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    padding = min(padding, kernel - 1) if transposed else padding
    layer = kind(groups * c_in, groups * c_out, kernel, stride, padding, groups=groups)
    positions = size if transposed else (size + 2 * padding - kernel) // stride + 1
    macs = batch * groups * c_in * c_out * kernel**2 * positions**2
    assert _step(layer, (batch, groups * c_in, size, size)) == FlopCount(2 * macs, 4 * macs)


def test_bias_alone_is_free():
    layer = nn.Conv2d(3, 8, 3)
    layer.weight.requires_grad_(False)
    assert _step(layer, (1, 3, 5, 5), input_grad=False).backward == 0


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm2d(8), nn.GroupNorm(2, 8), nn.GELU(), nn.MaxPool2d(2), nn.Softmax(1)],
    ids=lambda layer: type(layer).__name__,
)
def test_free_by_convention(layer):
    assert _step(layer, (2, 8, 6, 6)) == FlopCount(0, 0)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("affine_trains", [True, False])
def test_batch_norm_changes_nothing(train, affine_trains):
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1)).train(train)
    net[1].requires_grad_(affine_trains)
    forward = 2 * 25 * (3 * 8 + 8 * 4)
    step = training_step_flops(net, (1, 3, 5, 5))
    assert step == FlopCount(forward, 2 * forward - 2 * 25 * 3 * 8)


# ---- attention

DEVICES = ["meta", "cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device"))]  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention_on_any_device(device, causal):
    b, h, n, m, d, v = 2, 3, 5, 5 if causal else 7, 8, 8
    q, k, w = (
        torch.zeros(b, h, length, width, device=device, requires_grad=True)
        for length, width in ((n, d), (m, d), (m, v))
    )
    forward = 2 * b * h * n * m * (d + v)
    counted = count_step(lambda: F.scaled_dot_product_attention(q, k, w, is_causal=causal))
    assert counted == FlopCount(forward, 2 * forward)


@pytest.mark.parametrize("device", DEVICES)
def test_shared_key_heads(device):
    q = torch.zeros(1, 6, 4, 8, device=device, requires_grad=True)
    k, v = (torch.zeros(1, 2, 5, 8, device=device, requires_grad=True) for _ in range(2))
    forward = 2 * 6 * 4 * 5 * (8 + 8)
    counted = count_step(lambda: F.scaled_dot_product_attention(q, k, v, enable_gqa=True))
    assert counted == FlopCount(forward, 2 * forward)


def test_an_attention_kernel_called_by_its_own_name():
    q, k, v = (torch.zeros(1, 2, 6, 8, requires_grad=True) for _ in range(3))
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    forward = 2 * 2 * 6 * 6 * 16
    assert count_step(lambda: kernel(q, k, v)[0]) == FlopCount(forward, 2 * forward)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("training", [True, False])
def test_transformer_layer(device, training):
    """In eval mode without gradients torch has a fused kernel for the whole layer."""
    b, n, e, f = 2, 5, 8, 16
    layer = nn.TransformerEncoderLayer(e, 2, f, batch_first=True, device=device).train(training)
    layer.requires_grad_(training)
    x = torch.zeros(b, n, e, device=device)
    qkv, rest = 2 * b * n * e * 3 * e, 2 * b * n * (e * e + 2 * e * f + 2 * n * e)
    backward = qkv + 2 * rest if training else 0
    counted = count_step(lambda: layer(x))
    assert counted == FlopCount(qkv + rest, backward)


def test_devices_agree_on_a_whole_network():
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=3)
    model.head.requires_grad_(False)
    on_cpu = count_step(lambda: model(torch.zeros(2, 3, 32, 32)))
    assert on_cpu == training_step_flops(model, (2, 3, 32, 32))


# ---- what has no formula is named


class _Spectral(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(x))


def test_unknown_operations_are_named_with_their_module():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), _Spectral(), _Spectral())
    counted = training_step_flops(net, (1, 3, 8, 8))
    assert counted.forward == 2 * 64 * 12
    (line,) = [line for line in counted.uncounted if "fft_r2c" in line]
    assert line == "aten._fft_r2c in Sequential.1 and 1 more"


def test_an_operation_from_elsewhere_is_named():
    @torch.library.custom_op("greendapt_test::twist", mutates_args=())
    def twist(x: Tensor) -> Tensor:
        return x.flip(0)

    counted = count_step(lambda: twist(torch.zeros(3)))
    assert counted.uncounted == ("greendapt_test.twist in the step",)


# ---- calls that do their own backward pass


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (torch.optim.SGD, {"momentum": 0.9}),
        (torch.optim.Adam, {"foreach": True}),
        (torch.optim.AdamW, {"fused": True}),
    ],
    ids=["SGD", "Adam, foreach", "AdamW, fused"],
)
def test_a_whole_step_costs_its_products_alone(make, settings):
    net, images = nn.Conv2d(3, 4, 3), torch.zeros(2, 3, 8, 8)
    optimizer = make(net.parameters(), **settings)

    def step():
        optimizer.zero_grad()
        net(images).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    assert count_call(step) == (count_step(lambda: net(images)).total, ())


def test_a_call_without_gradients_is_its_forward_pass():
    net, images = nn.Conv2d(3, 4, 3), torch.zeros(2, 3, 8, 8)
    with torch.no_grad():
        assert count_call(lambda: net(images)) == (count_step(lambda: net(images)).forward, ())


# ---- fvcore beside it


def test_fvcore_counts_half_of_a_convolution():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8))
    for model in (net, meta_copy(net)):
        ours = training_step_flops(model, (2, 3, 9, 9)).forward
        assert fvcore_forward_flops(model, (2, 3, 9, 9)) == ours


def test_fvcore_says_nothing_of_what_it_cannot_trace():
    assert fvcore_forward_flops(nn.Linear(4, 4), (1, 3)) is None


# ---- the step


@pytest.mark.parametrize(
    "name",
    [
        "mobilenetv2_100",
        "efficientnet_b0",
        "regnety_002",
        "convnext_atto",
        "vit_tiny_patch16_224",
        "swin_tiny_patch4_window7_224",
        "densenet121",
        "resnet50",
    ],
)
def test_training_over_forward(name):
    model = _meta_model(name)
    everything = _everything(name)
    assert not everything.uncounted
    assert 2.9 <= everything.total / everything.forward <= 3.1
    model.requires_grad_(False)
    model.get_classifier().requires_grad_(True)
    head = training_step_flops(model, (1, 3, 224, 224))
    assert head.forward == everything.forward
    assert head.backward == 2 * prod(model.get_classifier().weight.shape)


def test_a_frozen_prefix_has_no_backward():
    net = nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)))
    net[0].requires_grad_(False)
    assert training_step_flops(net, (1, 4)) == FlopCount(3 * 32, 3 * 32)
    net.requires_grad_(False)[0].requires_grad_(True)  # the gradient must pass through to here
    assert training_step_flops(net, (1, 4)) == FlopCount(3 * 32, 3 * 32)


def test_linear_in_the_batch():
    model = _meta_model("resnet18")
    one, three = (training_step_flops(model, (b, 3, 64, 64)) for b in (1, 3))
    assert (three.forward, three.backward) == (3 * one.forward, 3 * one.backward)


def test_loss_takes_the_output():
    net = nn.Linear(4, 4)
    half = training_step_flops(net, (2, 4), loss=lambda out: (out @ out.T).mean())
    assert half.forward == 2 * 2 * 16 + 2 * 2 * 4 * 2


def test_the_model_given_stays_as_it_is():
    model = timm.create_model("resnet18", num_classes=2)
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    counted = training_step_flops(model, (2, 3, 64, 64))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert modes == [module.training for module in model.modules()]
    with torch.device("meta"):
        assert counted == training_step_flops(
            timm.create_model("resnet18", num_classes=2), (2, 3, 64, 64)
        )


def test_meta_copy_shares_what_the_model_shares():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    net[0].scale = torch.ones(3)
    twin = meta_copy(net)
    assert twin[1].weight is twin[0].weight
    assert {t.device.type for t in (*twin.parameters(), twin[0].scale)} == {"meta"}
    assert net[0].scale.device.type == "cpu"


def test_attention_settings_are_put_back():
    flags = torch.backends.mha.get_fastpath_enabled, torch.backends.cuda.flash_sdp_enabled
    before = [flag() for flag in flags]
    with pytest.raises(ZeroDivisionError):
        count_step(lambda: torch.zeros(1) / 0 if 1 // 0 else None)
    assert [flag() for flag in flags] == before


class _ByValue(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum().item() > 0 else -x


def test_a_network_that_needs_values_is_refused():
    with pytest.raises(MeterError, match="_ByValue cannot run on a batch of"):
        training_step_flops(_ByValue(), (1, 3))
    with pytest.raises(MeterError, match="check the image size"):
        training_step_flops(_meta_model("vit_tiny_patch16_224"), (1, 3, 100, 100))


# ---- an independent count: hooks on modules, and products called outside of them

_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_PRODUCTS = {"matmul", "__matmul__", "bmm"}


class _HookCount(TorchFunctionMode):
    """Counts per module from the shapes that pass it; each operand that needs a gradient costs
    one more product."""

    def __init__(self, model: nn.Module) -> None:
        self.forward = self.backward = self._inside = 0
        for module in model.modules():
            if isinstance(module, (*_CONVS, *_TRANSPOSED, nn.Linear)):
                module.register_forward_pre_hook(self._enter)
                module.register_forward_hook(self._leave)

    def _enter(self, *_):
        self._inside += 1

    def _leave(self, module, args, out):
        self._inside -= 1
        positions = args[0] if isinstance(module, _TRANSPOSED) else out
        self._add(positions.numel() * prod(module.weight.shape[1:]), args[0], module.weight)

    def _add(self, macs: int, *operands: Tensor) -> None:
        self.forward += 2 * macs
        self.backward += 2 * macs * sum(operand.requires_grad for operand in operands)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if self._inside:
            return out
        args = (*args, *(kwargs or {}).values())
        if name in _PRODUCTS:
            self._add(out.numel() * args[0].shape[-1], *args[:2])
        elif name in ("linear", "conv2d"):
            self._add(out.numel() * prod(args[1].shape[1:]), *args[:2])
        elif name == "scaled_dot_product_attention":
            q, k, v = args[:3]
            scores = q.shape[:-1].numel() * k.shape[-2]
            self._add(scores * q.shape[-1], q, k)
            both = q.requires_grad or k.requires_grad
            self._add(scores * v.shape[-1], q if both == q.requires_grad else k, v)
        elif name == "einsum":
            self._einsum(*args)
        return out

    def _einsum(self, equation: str, *operands: Tensor) -> None:
        terms = equation.replace(" ", "").split("->")[0].split(",")
        sizes = {
            i: n
            for t, o in zip(terms, operands, strict=True)
            for i, n in zip(t, o.shape, strict=True)
        }
        self._add(prod(sizes.values()), *operands)


_NAMES = """
beit_base_patch16_224 coat_lite_tiny convit_tiny convnext_atto densenet121 edgenext_small
efficientformer_l1 efficientnet_b0 efficientvit_b0 eva02_tiny_patch14_224 fasternet_s gernet_s
gmlp_s16_224 halonet26t hiera_tiny_224 inception_next_atto lcnet_050 levit_128s mambaout_femto
mixer_s16_224 mobilenetv2_100 nf_seresnet26 pit_ti_224 poolformer_s12 pvt_v2_b0 regnety_002
repvgg_a0 res2net50d resnest14d resnet18 resnet50 resnetv2_18 selecsls42 skresnet18 starnet_s1
swiftformer_xs swin_tiny_patch4_window7_224 swinv2_tiny_window8_256 tiny_vit_5m_224 vgg11
visformer_tiny vit_tiny_patch16_224 xcit_nano_12_p16_224
"""
ARCHITECTURES = _NAMES.split()


def test_enough_architectures():
    assert len(set(ARCHITECTURES)) >= 40


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_equals_the_count_by_module(name):
    model = _meta_model(name)
    counted = _everything(name)
    with _HookCount(model) as by_module:
        model.eval()(torch.empty(_one_image(model), device="meta"))
    assert not counted.uncounted
    assert counted.forward == pytest.approx(by_module.forward, rel=1e-3)
    assert counted.backward == pytest.approx(by_module.backward, rel=1e-3)
