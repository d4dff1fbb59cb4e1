"""Label maps: files whose values or colours are classes, read exactly or refused.

A mask is never guessed at: merged regions, a colour taken for a grey, a map stretched over an image
that it was not drawn on give a number that looks like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from greendapt.core.remarks import Remark, note
from greendapt.core.text import plural
from greendapt.data.imageset import NO_MASK
from greendapt.data.sources.decoding import is_grey, open_picture, upright
from greendapt.data.sources.image_files import in_threads, read_file
from greendapt.data.sources.listing import listed
from greendapt.data.sources.traits import Traits

_SHOWN = 8
_MOST_VALUES = 256
_MOST_CLASSES = 32
"""Of more values nobody lists the classes."""
_NO_MAP = "a picture, or maps that JPEG or smoothing changed; save one value a class, as PNG"


@dataclass(frozen=True)
class Masks:
    """uint8 [N, S, S] classes (NO_MASK where an image has none); ``problems``: what was refused."""

    maps: NDArray[np.uint8]
    problems: list[str]
    notes: tuple[Remark, ...] = ()

    @classmethod
    def none(cls, why: str) -> Masks:
        return cls(np.empty((0, 0, 0), dtype=np.uint8), [why])


@dataclass(frozen=True)
class _Map:
    """One file: ``values`` (greys, or colours as 0xrrggbb) and which of them each pixel is, [S, S].

    ``shape``: height and width of the file.
    """

    values: tuple[int, ...]
    index: NDArray[np.uint8]
    coloured: bool
    shape: tuple[int, int]


def read_masks(
    files: Sequence[Sequence[Path]],
    size: int,
    images: Traits,
    mask_values: Mapping[str, int] | None = None,
) -> Masks:
    """The masks of N images, each of no file, one, or several laid over each other.

    ``images``: traits [N] of the images themselves, whose shape a mask must have (or its aspect: it
    is resized, nearest neighbour). ``mask_values``: see `FolderData`; without, values are 0 and 1,
    0 and 255, or 0 to K.
    """
    colours = any(key.startswith("#") for key in mask_values or ())
    wanted = [(row, path) for row, paths in enumerate(files) for path in paths]
    read: list[tuple[int, _Map]] = []
    bad = []
    done = in_threads(lambda one: _read(one[1], size, colours), wanted)
    for (row, path), one in zip(wanted, done, strict=True):
        if isinstance(one, str):
            bad.append(f"{path} ({one})")
        else:
            read.append((row, one))
    problems = [listed("masks cannot be read", bad)] if bad else []
    sizes = images[["height", "width"]].tolist()
    shapes = [(sizes[row], one.shape) for row, one in read]
    classes, unexpected = _classes([one for _, one in read], mask_values)
    problems += [*_misshapen(shapes), *unexpected]
    maps = np.full((len(files), size, size), NO_MASK, dtype=np.uint8)
    if not problems:
        _lay(read, classes, maps)
    return Masks(maps, problems, _notes(shapes, files))


def _lay(
    read: Iterable[tuple[int, _Map]], classes: Mapping[int, int], maps: NDArray[np.uint8]
) -> None:
    """Into ``maps`` [N, S, S]; of several on one image the largest class of a pixel stays."""
    laid = set()
    for row, one in read:
        labels = np.array([classes[value] for value in one.values], dtype=np.uint8)[one.index]
        maps[row] = np.maximum(maps[row], labels) if row in laid else labels
        laid.add(row)


def _read(path: Path, size: int, colours: bool) -> _Map:
    with open_picture(read_file(path)) as image:
        flat, coloured = _flat(upright(image)[0], colours)
    counts = flat.getcolors(_MOST_VALUES)
    if counts is None:
        raise ValueError(f"more than {_MOST_VALUES} values: {_NO_MAP}")
    values = np.unique(_numbers(np.array([value for _, value in counts]), coloured))
    small = _numbers(np.asarray(flat.resize((size, size), Image.Resampling.NEAREST)), coloured)
    index = np.searchsorted(values, small).astype(np.uint8)
    return _Map(tuple(map(int, values)), index, coloured, (flat.height, flat.width))


def _flat(image: Image.Image, colours: bool) -> tuple[Image.Image, bool]:
    """Greys, or colours where they are wanted or there are any; of a palette, the numbers."""
    if image.mode.startswith("I"):
        return image.convert("I"), False
    if image.mode in ("1", "L", "LA", "P") and not colours:
        return (image if image.mode == "P" else image.convert("L")), False
    rgb = image.convert("RGB")
    if not colours and is_grey(np.asarray(rgb)):
        return rgb.getchannel(0), False
    return rgb, True


def _numbers(values: NDArray[Any], coloured: bool) -> NDArray[np.int64]:
    """Greys as they are, colours [..., 3] as 0xrrggbb."""
    whole = values.astype(np.int64)
    return np.asarray(whole @ np.array([1 << 16, 1 << 8, 1]) if coloured else whole)


def _classes(
    maps: Sequence[_Map], mask_values: Mapping[str, int] | None
) -> tuple[dict[int, int], list[str]]:
    """The class of every value, and what is wrong with the values."""
    seen = Counter((one.coloured, value) for one in maps for value in one.values)
    if mask_values is None:
        return _usual(seen)
    known = {_number(key): label for key, label in mask_values.items()}
    in_colours = any(key.startswith("#") for key in mask_values)
    strange = [one for one in seen if one[0] != in_colours or one[1] not in known]
    if not strange:
        return known, []
    names = ", ".join(mask_values)
    return {}, [f"masks hold {_named(strange)}, of which mask_values ({names}) says nothing"]


def _usual(seen: Iterable[tuple[bool, int]]) -> tuple[dict[int, int], list[str]]:
    colours, values = any(coloured for coloured, _ in seen), {value for _, value in seen}
    if not colours and values <= {0, 255}:
        return {0: 0, 255: 1}, []
    if not colours and values <= {0, 1}:
        return {0: 0, 1: 1}, []
    if not colours and len(values) <= _MOST_CLASSES and values == set(range(len(values))):
        return {value: value for value in values}, []
    if len(values) > _MOST_CLASSES:
        return {}, [f"masks hold {len(values)} values ({_named(seen)}): {_NO_MAP}"]
    what = "the colours" if colours else "the values"
    return {}, [
        f"masks hold {what} {_named(seen)}; say which class each is, "
        f"such as mask_values = {_example(seen)}"
    ]


def _named(seen: Iterable[tuple[bool, int]]) -> str:
    return _first(_names(seen))


def _example(seen: Iterable[tuple[bool, int]]) -> str:
    """A table that would do for the first of them."""
    pairs = [f'"{name}" = {label}' for label, name in enumerate(_names(seen)[:3])]
    return f"{{ {', '.join(pairs)} }}"


def _names(seen: Iterable[tuple[bool, int]]) -> list[str]:
    return [f"#{value:06x}" if coloured else str(value) for coloured, value in sorted(seen)]


def _first(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def _number(key: str) -> int:
    return int(key[1:], 16) if key.startswith("#") else int(key)


# --- shapes ---------------------------------------------------------------------------------

Shape = tuple[int, int]


def _misshapen(shapes: Iterable[tuple[Shape, Shape]]) -> list[str]:
    """Masks that were not drawn on their images; an image that cannot be read is none of them."""
    wrong = Counter(
        f"{mask[1]} x {mask[0]} for an image of {image[1]} x {image[0]}"
        for image, mask in shapes
        if image != (0, 0) and not _same_aspect(image, mask)
    )
    if not wrong:
        return []
    shown = [f"{count} of {which}" for which, count in wrong.most_common()]
    total = plural(wrong.total(), "mask")
    return [f"{total} of another shape than the image: {_first(shown)}"]


def _same_aspect(image: Shape, mask: Shape) -> bool:
    """Up to the rounding of one pixel."""
    return abs(mask[1] - image[1] * mask[0] / image[0]) <= 1 or (
        abs(mask[0] - image[0] * mask[1] / image[1]) <= 1
    )


def _notes(
    shapes: Iterable[tuple[Shape, Shape]], files: Sequence[Sequence[Path]]
) -> tuple[Remark, ...]:
    resized = sum(image != mask for image, mask in shapes)
    merged = sum(len(paths) > 1 for paths in files)
    notes = []
    if resized:
        notes.append(
            note(f"{plural(resized, 'mask')} of another resolution than the image: resized.")
        )
    if merged:
        notes.append(note(f"{plural(merged, 'mask')} of several files: laid over each other."))
    return tuple(notes)
