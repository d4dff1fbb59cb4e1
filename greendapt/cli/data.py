"""``greendapt data``: look after datasets."""

from __future__ import annotations

from typing import Annotated

import typer

from greendapt.cli.audit import audit
from greendapt.cli.options import Json, add_command
from greendapt.core.terminal import say, show, show_json

app = typer.Typer(name="data", help="Audit datasets; pack their images.", no_args_is_help=True)
add_command(app, audit)


@app.callback()
def _data() -> None:
    pass


def pack(
    folders: Annotated[
        list[str],
        typer.Argument(metavar="DIR[?KEY=VALUE]...", show_default=False),
    ],
    image_size: Annotated[
        int, typer.Option(min=8, help="Side of the images (px), as the run will have it.")
    ],
    json: Json = False,
) -> None:
    """Decode and resize a dataset's images once; every run reads the result.

    A run does that itself where it has not been done. Packs lie in the user's cache
    (GREENDAPT_CACHE) and may be deleted at any time.
    """
    from json import dumps

    from greendapt.core.units import si
    from greendapt.data.pack.packs import pack_folder
    from greendapt.run.packed_data import packs
    from greendapt.suite import overrides
    from greendapt.suite.datasets import FolderData

    kept = packs(say)
    summaries = []
    for folder in folders:
        spec = FolderData.model_validate(overrides.folder(folder))
        made = pack_folder(spec, image_size, kept)
        nbytes = made.pack.pixels.nbytes
        summaries.append(
            {"dataset": folder, "pack": str(made.folder), "bytes": nbytes}
            | made.manifest.model_dump(mode="json")
        )
        if not json:
            size = f"{made.manifest.images} images of {image_size} px, {si(nbytes, 'B')}"
            show(f"{folder}: {size} ({made.manifest.cost}) in {made.folder}")
    if json:
        show_json(dumps(summaries, indent=2))


add_command(app, pack)
