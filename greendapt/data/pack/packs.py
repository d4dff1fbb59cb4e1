"""Where packs lie: images are decoded and resized once a machine, then read as a memory map.

A pack holds every image that a dataset folder lists, at one size, in ``<key>/``:

    pixels.npy, pixels.json   uint8 [N, C, S, S] and its digest
    files.npz                 what tells that a file has not changed (`Marks`)
    manifest.json             version, size, interpolation, and what each making took

It is believed only if the digest is right and every file is as it was. It is replaced as a whole,
by one process at a time; who has it open keeps what was there.
"""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ValidationError

from greendapt.core.errors import DataError, GreendaptError
from greendapt.core.figures import Figure, add
from greendapt.core.keys import key_of
from greendapt.core.remarks import note
from greendapt.core.units import duration, si
from greendapt.data.pack import building
from greendapt.data.pack.marks import Marks, Pack, names_of, stats_of
from greendapt.data.sources.image_files import Batch, read_images
from greendapt.data.sources.listing import listed
from greendapt.data.sources.read_folder import folder_of, read_folder
from greendapt.disk.arrays import no_room, read_array, write_array
from greendapt.disk.files import new_folder, read_json, write_json
from greendapt.disk.locks import locked
from greendapt.meter.window import Window
from greendapt.suite.datasets import FolderData

VERSION = 2
"""Raise when the same file gives other pixels."""
_TELL_EVERY_S = 10.0
_PIXELS, _FILES, _MANIFEST = "pixels.npy", "files.npz", "manifest.json"


class Build(BaseModel):
    """What one making of a pack took."""

    at: str
    decoded: int
    figures: dict[str, Figure]


class Manifest(BaseModel):
    """``manifest.json``; ``builds`` begins anew when everything is decoded anew."""

    version: int
    image_size: int
    interpolation: str = "bilinear, antialiased"
    images: int
    builds: list[Build]

    @property
    def cost(self) -> str:
        """What it took, for people."""
        wall_s, energy = (
            add(build.figures[name] for build in self.builds) for name in ("wall_s", "energy_j")
        )
        joules = "energy unavailable"
        if energy.value is not None:
            joules = f"{si(energy.value, 'J')} {energy.quality}"
        return f"{duration(wall_s.value or 0.0)}, {joules}"

    @property
    def note(self) -> str:
        return (
            f"Its {self.images} images were decoded and packed once ({self.cost}); "
            "no strategy is charged for that."
        )


@dataclass(frozen=True)
class Made:
    """A pack that is up to date; ``bad``: which images cannot be read, and why."""

    folder: Path
    pack: Pack
    manifest: Manifest
    bad: list[tuple[int, str]]


@dataclass(frozen=True)
class Packs:
    """``folder``: where they lie; ``say`` hears of what takes long or goes wrong; ``meter`` opens a
    window for the making of one.
    """

    folder: Path
    say: Callable[[str], None]
    meter: Callable[[], AbstractContextManager[Window]]

    def images(self, root: Path, paths: Sequence[Path], size: int) -> Batch:
        """The images that the dataset folder ``root`` lists, decoded only where they have changed.

        Where no pack can be kept they are decoded into memory, with a warning.
        """
        try:
            made = self.make(root, paths, size)
        except DataError as error:
            self.say(
                f"warning: the images of {root} are not packed but decoded for this run alone: "
                f"{error}"
            )
            return read_images(paths, size)
        marks = made.pack.marks
        return Batch(
            made.pack.pixels,
            marks.hashes,
            marks.traits,
            marks.look.whites,
            made.bad,
            (note(made.manifest.note),),
        )

    def make(self, root: Path, paths: Sequence[Path], size: int) -> Made:
        """The pack of those images, up to date. Raises DataError where none can be kept."""
        try:
            return self._make(root, paths, size)
        except OSError as error:
            why = error.strerror or str(error)
        except GreendaptError as error:
            why = str(error)
        raise DataError(
            f"{self.folder} takes no pack: {why}; "
            "free space, or choose another folder with GREENDAPT_CACHE"
        )

    def path(self, root: Path, size: int) -> Path:
        """Where the pack of a dataset folder lies."""
        return self.folder / key_of(version=VERSION, root=str(root.resolve()), image_size=size)

    def _make(self, root: Path, paths: Sequence[Path], size: int) -> Made:
        folder = self.path(root, size)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # images of patients
        with locked(folder.with_name(f".{folder.name}.lock")):
            opened = _open(folder)
            if isinstance(opened, Made) and _fresh(opened.pack, paths):
                return opened
            if isinstance(opened, str):
                self.say(f"warning: {opened}; it is made again")
                opened = None
            bad = self._renew(folder, root, paths, size, opened)
            made = _open(folder)
        if not isinstance(made, Made):
            raise DataError("it does not keep what is written to it")
        return replace(made, bad=bad)

    def _renew(
        self,
        folder: Path,
        root: Path,
        paths: Sequence[Path],
        size: int,
        old: Made | None,
    ) -> list[tuple[int, str]]:
        """Bring the pack up to date. Returns what cannot be read, by position and reason."""
        full = no_room(self.folder, 2 * len(paths) * size * size, np.inf)
        if full is not None:
            raise DataError(full)
        before, builds = (old.pack, old.manifest.builds) if old else (None, [])
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with ExitStack() as stack:
            spool = stack.enter_context(tempfile.TemporaryFile(dir=self.folder))
            with self.meter() as window:
                looked = building.look(paths, size, before, spool, self._progress(root, len(paths)))
                if building.rescaled(looked, before):
                    before, builds = None, []
                    looked = building.look(paths, size, None, spool, lambda _: None)
                if looked.is_as(before):
                    looked.marks.write(folder / _FILES)
                    return looked.bad
                made = stack.enter_context(new_folder(folder))
                shape = (len(paths), looked.marks.look.channels, size, size)
                rows = building.pixels(looked, size, before, spool)
                write_array(made / _PIXELS, shape, "uint8", rows)
            build = Build(at=at, decoded=looked.decoded, figures=_cost(window.figures))
            manifest = Manifest(
                version=VERSION, image_size=size, images=len(paths), builds=[*builds, build]
            )
            looked.marks.write(made / _FILES)
            write_json(made / _MANIFEST, manifest.model_dump(mode="json"))
        return looked.bad

    def _progress(self, root: Path, images: int) -> Callable[[int], None]:
        """Says how far it is, when it takes long."""
        begun_s = told_s = time.monotonic()

        def tell(done: int) -> None:
            nonlocal told_s
            now_s = time.monotonic()
            if now_s - told_s >= _TELL_EVERY_S:
                told_s = now_s
                left = duration((now_s - begun_s) / done * (images - done))
                self.say(f"packing {root}: {done} of {images} images, about {left} left")

        return tell


def pack_folder(spec: FolderData, size: int, packs: Packs) -> Made:
    """The pack of a dataset folder, or of that whose table is given.

    Raises DataError where there is none, or an image cannot be read (the others are kept).
    """
    root = folder_of(spec.path)
    listing = read_folder(spec)
    if listing.problems:
        raise DataError("\n".join(f"{root}: {problem}" for problem in listing.problems))
    rows = listing.rows
    made = packs.make(root, [row.path for row in rows], size)
    if made.bad:
        bad = [f"{rows[i].shown} ({why})" for i, why in made.bad]
        raise DataError(f"{root}: {listed('images cannot be read', bad)}")
    return made


def _fresh(pack: Pack, paths: Sequence[Path]) -> bool:
    same_files = np.array_equal(pack.marks.names, names_of(paths))
    return same_files and bool(pack.marks.same(stats_of(paths)).all())


def _cost(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    return {name: figures[name] for name in ("wall_s", "energy_j")}


def _open(folder: Path) -> Made | str | None:
    """The pack in a folder; None where there is none; a sentence where it is damaged."""
    if not folder.is_dir():
        return None
    try:
        pixels = read_array(folder / _PIXELS)
        marks = Marks.read(folder / _FILES)
        manifest = Manifest.model_validate(read_json(folder / _MANIFEST))
        if (len(pixels), pixels.shape[1]) != (len(marks), marks.look.channels):
            raise ValueError("its parts do not fit together")
    except (
        *(GreendaptError, OSError, ValueError, KeyError, TypeError, EOFError),
        *(zipfile.BadZipFile, ValidationError),
    ) as error:
        return f"the packed images in {folder} are damaged ({error})"
    return Made(folder, Pack(pixels.view(np.uint8), marks), manifest, [])
