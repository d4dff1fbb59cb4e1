"""Files of weights: what people publish is read, what is broken or would run is refused."""

import argparse
import collections
import io
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from greendapt.core.errors import WeightsError
from greendapt.models.checkpoint_files import read, read_metadata

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(3)}


def saved(path, value, **how):
    torch.save(value, path, **how)
    return path


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.ckpt", "w.bin", "w.pth.tar", "weights"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_what_torch_saves_is_read_under_any_name(tmp_path, name, zipped):
    path = saved(tmp_path / name, TENSORS, _use_new_zipfile_serialization=zipped)
    content = read(path)
    assert content.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(content.tensors[name], TENSORS[name]) for name in TENSORS)
    assert not content.is_safetensors
    assert read_metadata(path) == {}


def test_a_safetensors_file_is_one_under_any_name(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    save_file(TENSORS, path, {"arch": "resnet18"})
    assert read(path).is_safetensors
    assert read(path).metadata == read_metadata(path) == {"arch": "resnet18"}


def test_names_of_nested_tables_are_joined_and_all_else_is_left(tmp_path):
    state = collections.OrderedDict(TENSORS)
    nested = {
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1),
        "model": {"module": state},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(1)}}, "param_groups": [{"lr": 0.1}]},
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    tensors = read(saved(tmp_path / "w.pth", nested)).tensors
    assert [*tensors] == [
        "model.module.a.weight", "model.module.a.count", "optimizer.state.0.exp_avg", "parameter",
    ]  # fmt: skip
    assert not any(tensor.requires_grad for tensor in tensors.values())


def test_a_table_in_itself_ends(tmp_path):
    table = dict(TENSORS)
    table["again"] = table
    assert read(saved(tmp_path / "w.pth", table)).tensors.keys() == TENSORS.keys()


@pytest.mark.parametrize("value", [{}, {"epoch": 1}, [torch.ones(1)], None, {"state_dict": {}}])
def test_a_file_without_named_tensors_is_refused(tmp_path, value):
    with pytest.raises(WeightsError, match=r"w.pth holds no tensors with names"):
        read(saved(tmp_path / "w.pth", value))


def test_a_tensor_larger_than_its_file_is_refused(tmp_path):
    """One number, said to be a million."""
    path = saved(tmp_path / "w.pth", {"a": torch.ones(1).expand(1_000_000)})
    with pytest.raises(WeightsError, match="'a' would be larger than the file"):
        read(path)


class Bomb:
    """Would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("zipped", [True, False])
def test_code_beside_the_tensors_is_not_run(tmp_path, zipped):
    crater = tmp_path / "crater"
    value = {"state_dict": TENSORS, "config": Bomb(crater)}
    path = saved(tmp_path / "w.ckpt", value, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"holds Python objects \(\w*io.open\) that reading"):
        read(path)
    assert not crater.exists()


def test_a_whole_pickled_network_is_refused_by_the_name_of_its_class(tmp_path):
    path = saved(tmp_path / "w.pt", torch.nn.Sequential(torch.nn.Linear(1, 1)))
    with pytest.raises(WeightsError, match=r"torch.nn.modules.container.Sequential.*\n?"):
        read(path)


def test_torchscript_is_refused_as_a_program(tmp_path):
    path = tmp_path / "ViT-B-32.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), path)
    with pytest.raises(WeightsError, match="is a TorchScript archive, a program"):
        read(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_cut_off_is_refused_in_one_sentence(tmp_path, zipped, share):
    value = {str(i): torch.rand(50, 50) for i in range(8)}
    path = saved(tmp_path / "w.pth", value, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(WeightsError, match=r"w.pth is broken or cut off") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_packed_archive_is_refused(tmp_path):
    whole = io.BytesIO()
    torch.save(TENSORS, whole)
    path = tmp_path / "w.pth"
    with (
        zipfile.ZipFile(whole) as archive,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in archive.namelist():
            packed.writestr(name, archive.read(name))
    with pytest.raises(WeightsError, match="is a packed archive"):
        read(path)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it"),
        (b"\x93NUMPY", "a NumPy file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "the stand-in that Git LFS left"),
        (b"<html>not found", "no file of weights"),
        (b"", "no file of weights"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path, start, kind):
    path = tmp_path / "w.pth"
    path.write_bytes(start)
    for reads in (read, read_metadata):
        with pytest.raises(WeightsError, match=f"w.pth is {kind}") as caught:
            reads(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("saves", [np.savez, np.savez_compressed])
def test_a_numpy_archive_is_named(tmp_path, saves):
    saves(tmp_path / "w.npz", kernel=np.ones(3))
    with pytest.raises(WeightsError, match=r"w.npz is a NumPy archive; greendapt reads"):
        read(tmp_path / "w.npz")


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(99), b"\x80\x02" + bytes(99), b"\x80"])
def test_rubbish_that_begins_well_is_refused(tmp_path, data):
    path = tmp_path / "w.pth"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"w.pth is broken or cut off"):
        read(path)


def bytes_of(zipped):
    whole = io.BytesIO()
    value = {"state_dict": TENSORS, "args": argparse.Namespace(lr=0.1)}
    torch.save(value, whole, _use_new_zipfile_serialization=zipped)
    return whole.getvalue()


@pytest.mark.parametrize("data", [bytes_of(True), bytes_of(False)], ids=["zip", "before 1.6"])
@given(changes=st.dictionaries(st.integers(0, 10_000), st.integers(0, 255), min_size=1, max_size=9))
@settings(max_examples=60)
def test_whatever_bytes_change_there_are_tensors_or_one_sentence(tmp_path_factory, data, changes):
    path = tmp_path_factory.getbasetemp() / "changed.pth"
    spoilt = bytearray(data)
    for place, byte in changes.items():
        spoilt[place % len(spoilt)] = byte
    path.write_bytes(spoilt)
    try:
        tensors = read(path).tensors
    except WeightsError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
