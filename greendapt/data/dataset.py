"""The one door to every source of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greendapt.core.errors import DataError
from greendapt.data.imageset import NO_MASK, ImageSet
from greendapt.data.labels import Names, Part
from greendapt.data.pack.packs import Packs
from greendapt.data.phantom.images import load_phantom
from greendapt.data.sources.folder import Needs, NoLabels, load_folder
from greendapt.data.sources.fractal import load_fractal
from greendapt.data.sources.merged import UNCERTAIN, merge
from greendapt.data.sources.xrv import load_xrv
from greendapt.suite import datasets

__all__ = ["NO_MASK", "ImageSet", "Needs", "load"]


def load(
    spec: datasets.Dataset,
    *,
    name: str,
    image_size: int,
    aliases: Mapping[str, tuple[str, ...]],
    needs: Needs = "labels",
    packs: Packs | None = None,
) -> ImageSet:
    """All of a dataset at ``image_size``, labels under their canonical names.

    ``needs``: ``labels``; ``images`` for an unlabelled pool; ``masks`` for segmentation.
    ``packs``: where a folder's images are kept once they are decoded; None decodes them into
    memory. Raises one DataError that lists everything wrong with the dataset.
    """
    reader = _Reader(image_size, Names.of(aliases), needs, packs)
    if isinstance(spec, datasets.MergedData):
        return merge(spec, reader.sources(spec), name=name, names=reader.names)
    if isinstance(spec, datasets.StatedData):
        raise DataError(
            "only its size is stated, which is enough for greendapt plan --device h100; "
            "to run, say where the images are"
        )
    return reader.one(spec, name)


@dataclass(frozen=True)
class _Reader:
    image_size: int
    names: Names
    needs: Needs
    packs: Packs | None

    def one(self, spec: datasets.Source, name: str, part: Part | None = None) -> ImageSet:
        size, names, needs = self.image_size, self.names, self.needs
        match spec:
            case datasets.FolderData():
                return load_folder(
                    spec,
                    name=name,
                    image_size=size,
                    names=names,
                    needs=needs,
                    packs=self.packs,
                    part=part,
                )
            case datasets.PhantomData():
                return load_phantom(spec, name=name, image_size=size, names=names, needs=needs)
            case datasets.FractalData():
                return load_fractal(spec, name=name, image_size=size, names=names, needs=needs)
            case datasets.XrayVisionData():
                return load_xrv(
                    spec, name=name, image_size=size, names=names, needs=needs, part=part
                )

    def sources(self, spec: datasets.MergedData) -> list[ImageSet]:
        """Raises one DataError of all of them; NoLabels where labels are all that is missing."""
        part = Part(UNCERTAIN[spec.uncertain])
        found: list[ImageSet] = []
        errors: list[DataError] = []
        for name, source in zip(_titles(spec.sources), spec.sources, strict=True):
            try:
                found.append(self.one(source, name, part))
            except DataError as error:
                errors.append(error)
        if errors:
            kind = NoLabels if all(isinstance(e, NoLabels) for e in errors) else DataError
            raise kind("\n".join(map(str, errors)))
        return found


def _titles(specs: Sequence[datasets.Source]) -> list[str]:
    """What to call each source: words of its own, numbered where they are the same."""
    said = [_title(spec) for spec in specs]
    return [
        f"{title} {said[: k + 1].count(title)}" if said.count(title) > 1 else title
        for k, title in enumerate(said)
    ]


def _title(spec: datasets.Source) -> str:
    match spec:
        case datasets.FolderData():
            return spec.path.name or str(spec.path)
        case datasets.PhantomData():
            return f"phantom {spec.hospital}"
        case datasets.FractalData():
            return "fractals"
        case datasets.XrayVisionData():
            return spec.dataset.removesuffix("_Dataset")
