"""Files of weights as people publish them: safetensors, and what ``torch.save`` writes.

A file may be a stranger's: nothing in it is run (``weights_only``), nothing in it may be larger
than the file, and whatever is broken is one WeightsError.
"""

from __future__ import annotations

import argparse
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from greendapt.core.errors import WeightsError

_DEEPEST = 8
_HARMLESS: list[Any] = [argparse.Namespace]
"""Beside the tensors in many published checkpoints, as the options of their training."""
_OTHERS = {
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"\x93NUM": "a NumPy file",
    b"version https://git-lfs": "the stand-in that Git LFS left for the file itself",
}


@dataclass(frozen=True)
class Content:
    """Tensors by their dotted names; names of nested tables are joined by dots.

    ``metadata``: of a safetensors file; others have none.
    """

    tensors: dict[str, Tensor]
    metadata: Mapping[str, str]
    is_safetensors: bool


def read(path: Path) -> Content:
    """Raises WeightsError for a file that is missing, broken, of another kind, or without tensors.

    Tensors of a checkpoint may lie in the file still, not in memory.
    """
    if _is_safetensors(path):
        with _opened(path) as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return Content(tensors, file.metadata() or {}, True)
    tensors = dict(_named(_unpickled(path), "", _DEEPEST, set()))
    if not tensors:
        raise WeightsError(f"weights: {path} holds no tensors with names")
    size = path.stat().st_size
    larger = next((k for k, v in tensors.items() if v.numel() * v.element_size() > size), None)
    if larger is not None:
        raise WeightsError(f"weights: {path} is broken: '{larger}' would be larger than the file")
    return Content(tensors, {}, False)


def read_metadata(path: Path) -> Mapping[str, str]:
    """As ``read``, without reading tensors: of a checkpoint that is not safetensors, nothing."""
    if not _is_safetensors(path):
        return {}
    with _opened(path) as file:
        return file.metadata() or {}


def _is_safetensors(path: Path) -> bool:
    """By what it holds; WeightsError where that is no file of weights at all."""
    if not path.is_file():
        raise WeightsError(f"weights: there is no file {path}")
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except OSError as error:
        raise WeightsError(f"weights: {path} cannot be read: {error.strerror}") from error
    if start[8:9] == b"{" or path.suffix == ".safetensors":
        return True
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return False
    kinds = (kind for magic, kind in _OTHERS.items() if start.startswith(magic))
    raise _other(path, next(kinds, "no file of weights"))


def _other(path: Path, kind: str) -> WeightsError:
    return WeightsError(
        f"weights: {path} is {kind}; greendapt reads .safetensors, and what torch.save wrote "
        "(.pth, .pt, .ckpt, .bin)"
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"weights: {path} is not a whole safetensors file ({error})") from error


def _unpickled(path: Path) -> object:
    is_zip = _is_archive(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_HARMLESS):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a stranger's bytes make torch raise many kinds
        raise _unreadable(path, str(error)) from error


def _is_archive(path: Path) -> bool:
    """Whether it is what torch has written since 1.6. Raises WeightsError for a program, and for
    what torch never writes: packed entries, which could be larger than the file."""
    try:
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _unreadable(path, str(error)) from error
    if any(one.filename.endswith("/constants.pkl") for one in entries):
        raise WeightsError(
            f"weights: {path} is a TorchScript archive, a program with its weights, which "
            "greendapt does not run; where you trust it, save its weights alone: "
            "torch.save(torch.jit.load(FILE).state_dict(), NEW)"
        )
    if any(one.filename.endswith(".npy") for one in entries):
        raise _other(path, "a NumPy archive")
    if any(one.compress_type != zipfile.ZIP_STORED for one in entries):
        raise _other(path, "a packed archive")
    return True


def _unreadable(path: Path, why: str) -> WeightsError:
    code = re.search(r"(?:GLOBAL|Trying to \w+ ['\"]?) ?([\w.]+)", why)
    if "weights_only" in why.lower() and code is not None:
        return WeightsError(
            f"weights: {path} holds Python objects ({code[1][:60]}) that reading would have to "
            "run, and greendapt reads tensors alone; where you trust the file, save them alone: "
            "torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW)"
        )
    first = (why.splitlines() or ["it ends early"])[0]
    return WeightsError(f"weights: {path} is broken or cut off: torch cannot read it ({first:.99})")


def _named(value: object, name: str, deepest: int, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in a nest of tables; a table that is there twice counts once."""
    if isinstance(value, Tensor):
        yield name, value.detach()
    elif isinstance(value, Mapping) and deepest and id(value) not in seen:
        seen.add(id(value))
        for key, one in value.items():
            yield from _named(one, f"{name}.{key}" if name else str(key), deepest - 1, seen)
