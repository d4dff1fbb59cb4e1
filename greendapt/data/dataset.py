"""The one door to every source of images: a dataset's table in a suite becomes an `ImageSet`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from greendapt.core.errors import DataError
from greendapt.data.imageset import ImageSet
from greendapt.data.labels import Names, Part
from greendapt.data.pack.packs import Packs
from greendapt.data.sources.base import LoadOptions, Needs, NoLabels
from greendapt.data.sources.folder import load_folder
from greendapt.data.sources.fractal import load_fractal
from greendapt.data.sources.merged import UNCERTAIN, merge
from greendapt.data.sources.npz import load_npz
from greendapt.data.sources.own import load_own
from greendapt.data.sources.phantoms import load_phantoms
from greendapt.data.sources.xrv import load_xrv
from greendapt.suite import datasets


@dataclass(frozen=True)
class Source:
    """How the datasets of one kind are loaded, and what each is called among others."""

    load: Callable[[Any, LoadOptions], ImageSet]
    title: Callable[[Any], str]


SOURCES: Mapping[type[datasets.Table], Source] = {
    datasets.FolderData: Source(load_folder, lambda spec: spec.path.name or str(spec.path)),
    datasets.NpzData: Source(load_npz, lambda spec: spec.path.stem),
    datasets.PhantomData: Source(load_phantoms, lambda spec: f"phantom {spec.hospital}"),
    datasets.FractalData: Source(load_fractal, lambda _: "fractals"),
    datasets.OwnData: Source(load_own, lambda spec: spec.name),
    datasets.XrayVisionData: Source(load_xrv, lambda spec: spec.dataset.removesuffix("_Dataset")),
}


def load(
    spec: datasets.Dataset,
    *,
    name: str,
    image_size: int,
    aliases: Mapping[str, tuple[str, ...]],
    needs: Needs = "labels",
    packs: Packs | None = None,
    splits: bool = True,
    allow_leaks: bool = False,
) -> ImageSet:
    """All of a dataset at ``image_size``, labels under their canonical names.

    ``needs`` and what follows: see `LoadOptions`. Raises one DataError that lists
    everything wrong with the dataset.
    """
    options = LoadOptions(
        name,
        image_size,
        Names.of(aliases),
        needs,
        packs,
        splits=splits,
        allow_leaks=allow_leaks,
    )
    if isinstance(spec, datasets.MergedData):
        return merge(spec, _parts(spec, options), name=name, names=options.names, splits=splits)
    if isinstance(spec, datasets.StatedData):
        raise DataError(
            "only its size is stated, which is enough for greendapt plan --device h100; "
            "to run, say where the images are"
        )
    return SOURCES[type(spec)].load(spec, options)


def _parts(spec: datasets.MergedData, options: LoadOptions) -> list[ImageSet]:
    """Raises one DataError of all sources; NoLabels where labels are all that is missing."""
    options = replace(options, part=Part(UNCERTAIN[spec.uncertain]))
    parts: list[ImageSet] = []
    errors: list[DataError] = []
    for title, source in zip(_titles(spec.sources), spec.sources, strict=True):
        try:
            parts.append(SOURCES[type(source)].load(source, replace(options, name=title)))
        except DataError as error:
            errors.append(error)
    if errors:
        kind = NoLabels if all(isinstance(e, NoLabels) for e in errors) else DataError
        raise kind("\n".join(map(str, errors)))
    return parts


def _titles(specs: Sequence[datasets.Source]) -> list[str]:
    """What to call each source: words of its own, numbered where they are the same."""
    titles = [SOURCES[type(spec)].title(spec) for spec in specs]
    return [
        f"{title} {titles[: k + 1].count(title)}" if titles.count(title) > 1 else title
        for k, title in enumerate(titles)
    ]
