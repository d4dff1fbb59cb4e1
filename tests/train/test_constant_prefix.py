"""The constant prefix: what is stored, and when."""

import pytest
import torch

from greendapt.core.errors import ModelError
from greendapt.models.backbone import create_backbone
from greendapt.train import constant_prefix
from greendapt.train.engine import Engine

CPU = Engine(torch.device("cpu"))


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return create_backbone("test_resnet", image_size=32)


@pytest.fixture(scope="module")
def pixels():
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (70, 1, 32, 32), dtype=torch.uint8, generator=draw)


@pytest.mark.parametrize("start", range(6))
def test_activations_are_what_the_unit_takes_as_input(backbone, pixels, start, within):
    stored = constant_prefix.activations(backbone, pixels, start, CPU)
    assert stored.shape == (70, *constant_prefix.activation_shape(backbone, 32, start))
    assert (stored.dtype, stored.requires_grad) == (torch.float32, False)
    with torch.no_grad():
        whole = backbone.eval()(backbone.prepare(pixels))
        found = backbone.run(stored, start)
        torch.testing.assert_close(found, whole, atol=within(1e-5), rtol=1e-5)


def test_activations_run_in_eval_mode_and_move_no_statistics(backbone, pixels):
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    backbone.train()
    one = constant_prefix.activations(backbone, pixels, 5, CPU)
    backbone.eval()
    assert torch.equal(one, constant_prefix.activations(backbone, pixels, 5, CPU))
    assert all(torch.equal(v, before[k]) for k, v in backbone.state_dict().items())


@pytest.mark.parametrize(
    ("name", "size"), [("densenet121", 16), ("test_vit", 8), ("coatnet_0_224", 50)]
)
def test_a_size_that_a_network_cannot_run_on_is_found_without_running_it(name, size):
    with torch.device("meta"):
        network = create_backbone(name, image_size=size)
    with pytest.raises(ModelError, match=f"'{name}' cannot run on {size} px images: "):
        constant_prefix.activation_shape(network, size, len(network.units))


def test_what_does_not_fit_into_memory_is_not_stored():
    assert constant_prefix.fits(1000)
    assert not constant_prefix.fits(2**60)
