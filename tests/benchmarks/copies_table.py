"""How many planted copies are seen, and how many different images are taken for copies.

    python tests/benchmarks/copies_table.py                    phantoms
    python tests/benchmarks/copies_table.py DIR [--size 64]    the images of a folder

Forty images are changed in each way and looked for among all images but 226, which are looked for,
too: none of them is there.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from greendapt.data.copies import Looks, copied
from greendapt.data.dataset import load
from greendapt.suite.datasets import FolderData, PhantomData

PLANTED, OTHERS = 40, 226
Change = Callable[[Image.Image], Image.Image]


def saved_again(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file)


def toned(curve: Callable[[float], float]) -> Change:
    table = [round(255 * min(curve(grey / 255), 1)) for grey in range(256)]
    return lambda image: image.point(table)


def marked(image: Image.Image) -> Image.Image:
    image, side = image.copy(), round(0.12 * min(image.size))
    ImageDraw.Draw(image).rectangle((4, 4, 4 + side, 4 + side), fill=255)
    return image


def cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 20, height // 20, width - width // 20, height - height // 20))


CHANGES: dict[str, Change] = {
    "JPEG, quality 40": saved_again,
    "resized to 60%": lambda image: image.resize([round(0.6 * side) for side in image.size]),
    "brightness x 1.3": toned(lambda grey: 1.3 * grey),
    "gamma 0.6": toned(lambda grey: grey**0.6),
    "histogram equalised": ImageOps.equalize,
    "mirrored": ImageOps.mirror,
    "inverted": ImageOps.invert,
    "a mark in a corner": marked,
    "turned by 3 degrees": lambda image: image.rotate(3, Image.Resampling.BILINEAR),
    "cropped by 5% a side": cropped,
}


def looks(images: Sequence[Image.Image], size: int) -> Looks:
    """As a run of that image size sees them."""
    small = [image.resize((size, size), Image.Resampling.BILINEAR) for image in images]
    return Looks.of_pixels(np.stack([np.asarray(image) for image in small])[:, None])


def table(images: Sequence[Image.Image], groups: NDArray[np.int64], size: int) -> list[list[str]]:
    """Rows: a change, copies seen. The last: of the different images how many are "copies"."""
    people = np.random.default_rng(0).permutation(np.unique(groups))
    order = np.concatenate([np.flatnonzero(groups == one) for one in people])
    apart = np.isin(groups, groups[order[:OTHERS]])
    known = [images[k] for k in np.flatnonzero(~apart)]
    others = [images[k] for k in np.flatnonzero(apart)]
    base = looks(known, size)
    rows = [
        [name, f"{copied(base, looks([change(one) for one in known[:PLANTED]], size)).sum()}"]
        for name, change in CHANGES.items()
    ]
    start = time.process_time()
    wrong = copied(base, looks(others, size)).sum()
    spent = 1000 * (time.process_time() - start) / len(others)
    print(f"{len(others)} among {len(known)}: {spent:.1f} CPU ms an image", file=sys.stderr)
    return [*rows, [f"different: of {len(others)}", f"{wrong}"]]


def of_folder(folder: Path) -> tuple[list[Image.Image], NDArray[np.int64]]:
    """Its images and patients, 2,000 at most."""
    data = load(
        FolderData(source="folder", path=folder),
        name="images", image_size=256, aliases={}, needs="images",
    )  # fmt: skip
    kept = np.random.default_rng(1).permutation(len(data))[:2000]
    pixels = data.gather(np.sort(kept)).mean(axis=1).astype(np.uint8)
    return list(map(Image.fromarray, pixels)), data.patients[np.sort(kept)]


def of_phantoms() -> tuple[list[Image.Image], NDArray[np.int64]]:
    data = load(
        PhantomData(source="phantom", images=900), name="images", image_size=128, aliases={}
    )
    return list(map(Image.fromarray, data.gather()[:, 0])), data.patients


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--size", type=int, default=64, help="pixels a side, as in the run")
    given = parser.parse_args()
    images, groups = of_folder(given.folder) if given.folder else of_phantoms()
    for name, count in table(images, groups, given.size):
        print(f"| {name} | {count} |")


if __name__ == "__main__":
    main()
