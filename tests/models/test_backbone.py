"""Backbones: cuts, input scaling, published parameter counts, and clear refusals."""

import pytest
import torch

from greendapt.core.errors import ModelError
from greendapt.models.backbone import InputSpec, create_backbone


def _size(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_cut_keeps_the_units_before_it_and_no_other_parameters(small, cut):
    name, size = small
    with torch.device("meta"):
        whole = create_backbone(name, image_size=size)
        kept = create_backbone(name, image_size=size, cut=cut)
    assert kept.stages == cut
    assert kept.units == tuple(unit for unit in whole.units if unit.stage <= cut)
    units = len(kept.units)
    tail = {n for n in whole.net.state_dict() if n.startswith((*whole.tail, "conv_head", "norm_h"))}
    expected = {n for n in whole.net.state_dict() if whole.unit_of(n) < units and n not in tail}
    assert set(kept.net.state_dict()) == expected
    assert _size(kept) < _size(whole)


@pytest.mark.parametrize("cut", [1, 3])
def test_a_cut_backbone_gives_the_mean_over_positions(small, cut):
    name, size = small
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=size, cut=cut).eval()
    x = torch.randn(2, 3, size, size)
    with torch.no_grad():
        maps = backbone.run(x, 0, len(backbone.units))
        features = backbone(x)
    if maps.ndim == 3:
        expected = maps[:, backbone.net.num_prefix_tokens :].mean(1)
    else:
        channels = 1 if maps.shape[2] == maps.shape[3] else 3
        expected = maps.movedim(channels, 1).flatten(2).mean(2)
    assert features.shape == (2, expected.shape[1])
    torch.testing.assert_close(features, expected)


@pytest.mark.parametrize(("cut", "millions"), [(None, 23.5), (1, 0.225), (2, 1.44)])
def test_resnet50_has_the_published_parameters(cut, millions):
    with torch.device("meta"):
        backbone = create_backbone("resnet50", cut=cut)
    assert _size(backbone) / 1e6 == pytest.approx(millions, rel=5e-3)


def test_an_unknown_backbone_is_named_with_what_is_near():
    with pytest.raises(ModelError, match=r"no model 'resnet5O'; did you mean .*resnet50"):
        create_backbone("resnet5O")
    with pytest.raises(ModelError, match=r"no model 'qqq' \(timm.list_models\(\) lists them\)"):
        create_backbone("qqq")


@pytest.mark.parametrize("cut", [4, 5, -1])
def test_a_cut_out_of_range_says_the_range(cut):
    with torch.device("meta"), pytest.raises(ModelError, match="4 stages, so a cut lies from 1 to"):
        create_backbone("test_resnet", image_size=64, cut=cut)


def test_an_image_size_that_cannot_be_is_refused():
    with torch.device("meta"), pytest.raises(ModelError, match="cannot be built at 30 px"):
        create_backbone("maxvit_rmlp_pico_rw_256", image_size=30)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_prepare_scales_to_what_the_weights_expect(channels, kind):
    spec = InputSpec((0.1, 0.2, 0.3), (0.5, 0.25, 0.2))
    backbone = create_backbone("test_resnet", image_size=32, spec=spec)
    pixels = torch.randint(0, 256, (2, channels, 4, 4), dtype=torch.uint8)
    images = pixels if kind is torch.uint8 else pixels.float() / 255
    ready = backbone.prepare(images)
    assert ready.shape == (2, 3, 4, 4)
    for c in range(3):
        value = pixels[:, c if channels == 3 else 0].float() / 255
        torch.testing.assert_close(ready[:, c], (value - spec.mean[c]) / spec.std[c])


def test_one_channel_weights_take_grey_as_it_is_and_colour_by_its_luma():
    backbone = create_backbone("test_resnet", image_size=32, spec=InputSpec((0.5,), (0.25,))).eval()
    grey = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(backbone.prepare(grey), (grey - 0.5) / 0.25)
    torch.testing.assert_close(
        backbone.prepare(grey.expand(-1, 3, -1, -1)), (grey - 0.5) / 0.25, atol=1e-5, rtol=1e-5
    )
    green = torch.zeros(1, 3, 32, 32)
    green[:, 1] = 1
    torch.testing.assert_close(
        backbone.prepare(green), torch.full((1, 1, 32, 32), (0.587 - 0.5) / 0.25)
    )
    assert backbone(backbone.prepare(green)).shape == (1, 96)
