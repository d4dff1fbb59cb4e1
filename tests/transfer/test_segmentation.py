"""U-Nets learn phantom lungs and hearts, frozen or not, and stop and go on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.models.backbone import create_backbone
from greendapt.models.unet import UNet
from greendapt.suite.datasets import PhantomData
from greendapt.suite.recipes import NetworkRecipe, Recipe
from greendapt.train.engine import Engine
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.transfer.mask_metrics import judge_masks
from greendapt.transfer.segmentation import labelled, mask_examples, predict_masks, train_unet

ENGINE = Engine(torch.device("cpu"))
SIZE = 32


@pytest.fixture(scope="module")
def phantoms():
    spec = PhantomData(source="phantom", images=48)
    images = load(spec, name="phantoms", image_size=SIZE, aliases={}, needs="masks")
    return labelled(images)


def recipe(**changed):
    said = {
        "epochs": 12, "learning_rate": 0.05, "optimizer": "sgd", "schedule": "poly", "batch_size": 8
    }  # fmt: skip
    return Recipe(**(said | changed))


def network(outputs):
    torch.manual_seed(0)
    backbone = create_backbone("test_resnet", image_size=SIZE)
    return UNet(backbone, outputs, image_size=SIZE, seed=0)


def train(net, data, recipe, units="all", batch_norm="train", val=None, state=None):
    return train_unet(
        net, mask_examples(data), val,
        NetworkRecipe(**recipe.model_dump(), train=units, batch_norm=batch_norm),
        Training(LOSSES["masks"], 0, ENGINE, lambda _: None, state),
    )  # fmt: skip


def dice_of(net, data):
    pixels = torch.from_numpy(data.images.pixels)
    found = judge_masks(
        predict_masks(net, pixels, ENGINE), data.images.masks, data.images.patients, data.classes
    )
    return found["dice"]


def test_it_learns_lungs_and_heart(phantoms):
    assert (phantoms.classes, phantoms.outputs) == (3, 3)
    net = network(3)
    before = dice_of(net, phantoms)
    trained = train(net, phantoms, recipe())
    assert trained.fit.train_loss[-1] < 0.5 * trained.fit.train_loss[0]
    assert dice_of(net, phantoms) > max(0.8, before + 0.3)
    assert trained.training_flops > 0
    assert trained.uncounted == ()


def test_one_logit_separates_foreground_and_the_frozen_encoder_stays(phantoms):
    lungs = np.where(phantoms.images.masks == 1, 1, 0).astype(np.uint8)
    data = labelled(replace(phantoms.images, masks=lungs))
    assert (data.classes, data.outputs) == (2, 1)
    net = network(1)
    held = {k: v.clone() for k, v in net.backbone.state_dict().items()}
    trained = train(net, data, recipe(), units="head", batch_norm="frozen")
    assert all(torch.equal(v, held[k]) for k, v in net.backbone.state_dict().items())
    assert trained.trainable_params == sum(p.numel() for p in net.head.parameters())
    assert dice_of(net, data) > 0.7


def test_validation_keeps_the_best_epoch_and_a_stopped_training_goes_on(phantoms):
    val = mask_examples(replace(phantoms, images=phantoms.images.subset(np.arange(8))))
    whole = network(3)
    in_one_go = train(whole, phantoms, recipe(epochs=4, schedule="constant"), val=val)
    assert len(in_one_go.fit.val_loss) == 4
    assert in_one_go.fit.best_epoch == int(np.argmin(in_one_go.fit.val_loss))
    parts = network(3)
    first = train(parts, phantoms, recipe(epochs=2, schedule="constant"), val=val)
    again = train(
        parts, phantoms, recipe(epochs=4, schedule="constant"), val=val, state=first.fit.state
    )
    assert again.fit.val_loss == in_one_go.fit.val_loss
    for key, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[key])


def test_images_without_a_mask_are_left_out(phantoms):
    masks = phantoms.images.masks.copy()
    masks[:5] = 255
    data = labelled(replace(phantoms.images, masks=masks))
    assert len(data.images) == 43
    assert labelled(phantoms.images, classes=4).outputs == 4


@pytest.mark.parametrize(
    ("fill", "classes", "sentence"),
    [(255, None, "no image has a mask"), (0, None, "masks are empty"), (3, 2, "the label 3")],
)
def test_masks_that_cannot_be_learnt(phantoms, fill, classes, sentence):
    masks = np.full_like(phantoms.images.masks, fill)
    with pytest.raises(DataError, match=sentence):
        labelled(replace(phantoms.images, masks=masks), classes)


def test_a_set_without_masks(phantoms):
    with pytest.raises(DataError, match="no image has a mask"):
        labelled(replace(phantoms.images, masks=None))


def test_augmentation_is_refused(phantoms):
    with pytest.raises(DataError, match="not their masks"):
        train(network(3), phantoms, recipe(augmentation="light"))


def test_a_last_batch_of_one_image_with_maps_of_one_pixel(phantoms):
    seventeen = phantoms.images.subset(np.arange(17))
    done = train(network(3), replace(phantoms, images=seventeen), recipe(epochs=1))
    assert done.fit.steps == 2  # 8 and 9
