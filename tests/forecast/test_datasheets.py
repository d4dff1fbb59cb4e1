"""Other machines: against published throughput, and against what must hold of any roofline."""

import pytest
import torch

from greendapt.core.errors import DataError, SuiteError
from greendapt.data.dataset import load
from greendapt.forecast.datasheets import device, devices
from greendapt.forecast.predict import forecast_device
from greendapt.meter.flops import training_step_flops
from greendapt.meter.traffic import traffic
from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network, mlp
from greendapt.suite import suite_files
from greendapt.suite.recipes import Trainable
from greendapt.train.train_sets import set_phase

PUBLISHED = {
    ("a100", "bfloat16"): 2470,
    ("a100", "tf32"): 938,
    ("v100", "float16"): 1200,
    ("v100", "float32"): 367,
}
"""Images/s of one GPU training ResNet-50 v1.5, batch 256: NVIDIA DeepLearningExamples, PyTorch,
21.03 (DGX A100 80GB, DGX-1 16GB)."""


def step_of(name, batch, size, train="all"):
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=size)
        width = backbone(torch.empty(1, 3, size, size)).shape[1]
        network = Network(backbone, mlp(width, (), 1000, 0))
    set_phase(network, Trainable(train, "train"))
    images = torch.empty(batch, 3, size, size, device="meta")
    return network, traffic(lambda: network(images), optimised=network)


@pytest.fixture(scope="module")
def resnet50():
    return step_of("resnet50", 256, 224)[1]


@pytest.mark.parametrize(("name", "precision"), PUBLISHED)
def test_resnet50_within_a_factor_of_1_5_of_what_nvidia_publishes(resnet50, name, precision):
    images_per_s = 256 / device(name).step_s(resnet50, precision)
    assert 1 / 1.5 < images_per_s / PUBLISHED[name, precision] < 1.5


@pytest.mark.parametrize("train", ["all", "last:1", "head"])
def test_the_flops_of_the_operations_are_those_of_the_step(train):
    network, found = step_of("test_resnet", 4, 64, train)
    assert found.flops.sum() == training_step_flops(network, (4, 3, 64, 64)).total


def test_every_profile_says_its_sources_and_its_precision():
    for one in devices().values():
        assert one.precision in one.flops_per_s
        assert one.source
    assert device("v100").arithmetic(fast=True) == "float32"
    assert device("a100").arithmetic(fast=False) == "tf32"


def test_more_gpus_take_less_time_and_no_less_energy(tiny, tmp_path):
    suite = suite_files.load(tiny)
    costs = []
    for gpus in (1, 2, 64):
        said, _ = forecast_device(suite, "h100", gpus, tmp_path)
        costs.append(said.cost(said.stages))
    assert costs[0].wall_s > costs[1].wall_s >= costs[2].wall_s
    assert costs[0].energy_j <= costs[1].energy_j <= costs[2].energy_j
    assert len({cost.flops for cost in costs}) == 1


def test_stated_data_is_planned_but_not_run(tiny, tmp_path):
    stated = {"source": "stated", "images": 30_000, "classes": 14, "task": "multilabel"}
    said, _ = forecast_device(
        suite_files.load(tiny, changes=[{"data": {"pool": stated}}]), "h100", 1, tmp_path
    )
    small, _ = forecast_device(suite_files.load(tiny), "h100", 1, tmp_path)
    adapts = [
        sum(stage.flops for stage in one.stages if stage.kind == "adapt") for one in (said, small)
    ]
    assert adapts[0] / adapts[1] == pytest.approx(30_000 / 60, rel=0.02)
    spec = suite_files.load(tiny, changes=[{"data": {"pool": stated}}]).data.pool
    with pytest.raises(DataError, match="only its size is stated"):
        load(spec, name="pool", image_size=32, aliases={})


def test_a_device_nobody_knows(tiny, tmp_path):
    with pytest.raises(SuiteError, match="did you mean h100"):
        forecast_device(suite_files.load(tiny), "h1000", 1, tmp_path)
    with pytest.raises(SuiteError, match="is no GPU"):
        forecast_device(suite_files.load(tiny), "laptop", 4, tmp_path)
