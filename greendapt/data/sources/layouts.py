"""How a dataset says what its images are: what the suite says, over what a preset does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from greendapt.suite.datasets import FolderData

NONE = "none"
Several = Literal["any", "majority"]


@dataclass(frozen=True)
class Layout:
    """What does not stand in `FolderData` only presets say.

    tables
        Globs of the tables, each with the split of its images (None: it says).
    header, cells
        The columns and the delimiter of tables that do not show them.
    joined
        Globs of further tables; rows are joined by the columns that both have.
    paths
        A regular expression over the images' paths with groups ``label``, ``patient``, ``split``
        and ``view``: a dataset without a table.
    splits
        Words for splits that are not the usual ones.
    labels
        Cell -> label; ``*`` stands for every other cell.
    split_files
        Files that list images, one a line, and the split of these; all others train.
    masks
        Where an image's masks lie, ``{stem}`` for its name; several are one mask together.
    """

    tables: tuple[tuple[str, str | None], ...] = ()
    header: tuple[str, ...] = ()
    cells: str | None = None
    joined: tuple[str, ...] = ()
    paths: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    split_files: tuple[tuple[str, str], ...] = ()
    masks: tuple[str, ...] = ()
    image: str | None = None
    prefix: str = ""
    suffix: str = ""
    root: str | None = None
    label: str | None = None
    delimiter: str | None = None
    one_hot: bool | None = None
    patient: str | None = None
    view: str | None = None
    split_column: str | None = None
    rows_per_image: Several | None = None
    missing: Literal["drop"] | None = None

    def over(self, spec: FolderData) -> Layout:
        """With what ``spec`` says in the place of what this does."""
        own = {one.name for one in fields(self)}
        given: dict[str, Any] = {
            key: value for key, value in spec if key in own and value not in (None, "")
        }
        if spec.table is not None:
            given["tables"] = () if spec.table == NONE else ((spec.table, None),)
        if spec.split_file is not None:
            given["split_files"] = ((spec.split_file, "test"),)
        return replace(self, **given)
