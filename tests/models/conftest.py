"""One small timm model of each family that greendapt can address, with an image size for it."""

import pytest
import torch

SMALL = {
    "resnet": ("test_resnet", 64),
    "resnetv2": ("resnetv2_18", 64),
    "densenet": ("densenet121", 64),
    "efficientnet": ("test_efficientnet", 64),
    "mobilenetv2": ("mobilenetv2_035", 64),
    "mobilenetv3": ("mobilenetv3_small_050", 64),
    "mobilenetv4": ("mobilenetv4_conv_small_035", 64),
    "regnet": ("regnetx_002", 64),
    "convnext": ("test_convnext", 64),
    "vit": ("test_vit", 64),
    "swin": ("swin_tiny_patch4_window7_224", 56),
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread):
    """Small sums, and the same ones every time."""


@pytest.fixture(scope="module", params=SMALL.values(), ids=SMALL)
def small(request):
    """(timm's name, image size)"""
    return request.param


@pytest.fixture(scope="session")
def goes_on_from_any_unit():
    """Asserts that a backbone gives the features of ``x`` from whatever unit it is entered at."""

    def check(backbone, x, features):
        with torch.no_grad():
            for start in range(len(backbone.units)):
                assert torch.equal(backbone.run(x, start), features)
                x = backbone.run(x, start, start + 1)
            assert torch.equal(backbone.run(features, len(backbone.units)), features)

    return check
