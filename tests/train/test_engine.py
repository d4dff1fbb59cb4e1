"""Where a network may run."""

import pytest
import torch

from greendapt.core.errors import MeterError
from greendapt.meter import devices
from greendapt.train.engine import Engine


def test_auto_is_cuda_or_cpu():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert Engine.on("auto").device.type == expected


@pytest.mark.parametrize("device", ["xpu", "mps", "cuda"])
def test_a_gpu_that_torch_sees_is_taken_and_one_that_it_does_not_see_is_refused(
    monkeypatch, device
):
    monkeypatch.setitem(devices.IS_AVAILABLE, device, lambda _: True)
    assert Engine.on(device).device.type == device
    monkeypatch.setitem(devices.IS_AVAILABLE, device, lambda _: False)
    with pytest.raises(MeterError, match="take --device cpu"):
        Engine.on(device)


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "", "CUDA"])
def test_what_is_no_device_is_refused_in_a_sentence(device):
    with pytest.raises(MeterError, match="is not auto, cpu"):
        Engine.on(device)
