"""How a step runs: what is tried, and what each choice does."""

import pytest
import torch

from greendapt.models.backbone import create_backbone
from greendapt.train.step import PLAIN, Step, try_steps

CPU = torch.device("cpu")


def create():
    return create_backbone("test_resnet", image_size=32, cut=1)


@pytest.fixture(scope="module")
def precision():
    """Steps are what is tested here: ``--precision`` changes none."""
    return "float32"


@pytest.fixture(scope="module")
def trial():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield try_steps(create, 32, CPU, cores=2)
    torch.set_num_threads(threads)


def test_every_choice_is_tried_against_the_best_so_far(trial):
    assert "float32" in trial.seconds
    assert any("contiguous" in name for name in trial.seconds)
    assert any("bfloat16" in name for name in trial.seconds)
    assert any("1 threads" in name for name in trial.seconds)
    assert all(seconds > 0 for seconds in trial.seconds.values())


def test_a_trial_leaves_the_threads_as_they_were(trial):
    assert trial.seconds
    assert torch.get_num_threads() == 2


def test_one_thread_has_no_fewer_to_try():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = try_steps(create, 32, CPU, cores=2)
    torch.set_num_threads(threads)
    assert not any("threads" in name for name in found.seconds)


@pytest.mark.parametrize("layout", ["channels_last", "contiguous"])
def test_a_layout_moves_the_weights_in_memory_and_nothing_else(layout):
    torch.manual_seed(0)
    plain = create().eval()
    torch.manual_seed(0)
    moved = Step(layout=layout).arrange(create()).eval()
    weight = next(p for p in moved.parameters() if p.ndim == 4 and p.shape[1] > 1)
    formats = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
    assert weight.is_contiguous(memory_format=formats[layout])
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(plain(images), moved(images), atol=1e-5)


def test_precision_is_that_of_the_arithmetic():
    a = torch.rand(4, 4)
    with Step(precision="bfloat16").autocast(CPU):
        assert (a @ a).dtype == torch.bfloat16
    with Step().autocast(CPU):
        assert (a @ a).dtype == torch.float32


def test_threads_hold_within_the_block():
    before = torch.get_num_threads()
    with Step(threads=3).threaded():
        assert torch.get_num_threads() == 3
    with PLAIN.threaded():
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_a_compiled_step_is_tried_where_it_is_asked_for(trial, monkeypatch):
    """Real compiling is in test_phase.py: it takes half a minute."""
    assert not any("compiled" in name for name in trial.seconds)
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda network, mode: compiled.append(mode) or network)
    found = try_steps(create, 32, CPU, cores=1, compiled=True)
    assert compiled == ["default"]
    assert any("compiled" in name for name in found.seconds)
    assert found.step.compiled == ("compiled" in found.step.arithmetic)


WITHOUT = """
import torch
from torch._inductor import config
from greendapt.core.errors import GreendaptError
from greendapt.models.backbone import create_backbone
from greendapt.train.step import try_steps

def create():
    return create_backbone("test_resnet", image_size=32, cut=1)

with config.patch({"cpp.cxx": (None, "/no/compiler"), "force_disable_caches": True}):
    try:
        try_steps(create, 32, torch.device("cpu"), cores=1, compiled=True)
    except GreendaptError as error:
        assert "install a C++ compiler" in str(error), error
    else:
        raise AssertionError("something else was taken")
"""


def test_without_a_compiler_nothing_else_is_taken_instead(compiling):
    compiling(WITHOUT)
