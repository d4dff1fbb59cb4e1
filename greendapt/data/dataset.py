"""The one door to every source of images."""

from __future__ import annotations

from collections.abc import Mapping

from greendapt.core import suite
from greendapt.data.folder import Needs, load_folder
from greendapt.data.fractal import load_fractal
from greendapt.data.imageset import NO_MASK, ImageSet, Task
from greendapt.data.labels import Names
from greendapt.data.packs import Packs
from greendapt.data.phantom import load_phantom
from greendapt.data.xrv import load_xrv

__all__ = ["NO_MASK", "ImageSet", "Needs", "Task", "load"]


def load(
    spec: suite.Dataset,
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
    names = Names.of(aliases)
    match spec:
        case suite.FolderData():
            return load_folder(
                spec, name=name, image_size=image_size, names=names, needs=needs, packs=packs
            )
        case suite.PhantomData():
            return load_phantom(spec, name=name, image_size=image_size, names=names, needs=needs)
        case suite.FractalData():
            return load_fractal(spec, name=name, image_size=image_size, names=names, needs=needs)
        case suite.XrayVisionData():
            return load_xrv(spec, name=name, image_size=image_size, names=names, needs=needs)
