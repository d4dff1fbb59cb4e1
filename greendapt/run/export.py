"""The adapted backbone of a run as a folder that others load: weights, input, a model card."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.errors import RunError, WeightsError
from greendapt.core.records import Row
from greendapt.disk.files import disk_errors, new_folder, within, write_atomic
from greendapt.models import hub, weights
from greendapt.models.backbone import Backbone
from greendapt.models.timm_folder import CONFIG, WEIGHTS, loading, write_folder
from greendapt.report.network_card import network_card
from greendapt.report.part import part_of
from greendapt.store.checkpoints import adapted_backbone
from greendapt.store.run import RunFolder, latest
from greendapt.store.runinfo import RunData

CARD = "README.md"


@dataclass(frozen=True)
class Choice:
    """Which adapted backbone: of a strategy, a seed (None: the first), and where there are several
    of a ``setting``, words as `greendapt.report.part` takes them."""

    strategy: str
    seed: int | None = None
    setting: Sequence[str] | None = None


@dataclass(frozen=True)
class Exported:
    """``loading``: Python that gives features with it. ``address``: where it was pushed to."""

    folder: Path
    loading: str
    address: str | None = None


def export(
    path: Path,
    run: RunData,
    choice: Choice,
    out: Path | None = None,
    push_to: str | None = None,
) -> Exported:
    """Write the backbone that ``choice`` names of the ``run`` in ``path`` into the folder ``out``
    (None: one in ``exports/`` of the run), and push it to the repository ``push_to``, if any.

    Raises GreendaptError where there is no such backbone, its checkpoint is lost or damaged, timm
    makes other features of it than the run did, or ``out`` holds anything else.
    """
    rows, checkpoint = _chosen(run, choice)
    if rows[0].backbone in run.info.suite.own:
        raise RunError(
            f"export: timm cannot load '{rows[0].backbone}', a network of the suite's own; its "
            f"weights, by its own names, are in {within(path, checkpoint)}"
        )
    backbone, size = _load(path, run, rows[0], checkpoint), run.info.suite.model.image_size
    folder = within(path, f"exports/{_name(rows[0])}") if out is None else out
    _refuse_other(folder)
    place = push_to or folder.resolve().name
    shown = loading(backbone, size, place, on_hub=push_to is not None)
    card = network_card(run, rows, shown, _command(path, rows[0], choice))
    with disk_errors(folder), new_folder(folder) as fresh:
        write_folder(backbone, size, fresh)
        write_atomic(fresh / CARD, card.encode())
    address = None if push_to is None else hub.push(folder, push_to)
    return Exported(folder, loading(backbone, size, str(folder)), address)


def _chosen(run: RunData, choice: Choice) -> tuple[list[Row], str]:
    """The cells that share the one backbone that is meant, and its checkpoint."""
    seeds = None if choice.seed is None else [choice.seed]
    part = part_of(run, [choice.strategy], seeds, choice.setting)
    rows = part.summary.rows
    if not rows:
        raise RunError(f"export: no cell of {'; '.join(part.part)} came to its end")
    first = min(row.seed for row in rows)
    by_checkpoint: dict[str | None, list[Row]] = {}
    records = latest(list(run.records))
    for row in (row for row in rows if row.seed == first):
        by_checkpoint.setdefault(adapted_backbone(row.stages, records), []).append(row)
    if None in by_checkpoint:
        raise RunError(_nothing(run, choice.strategy))
    if len(by_checkpoint) > 1:
        raise RunError(_several(choice.strategy, first, list(by_checkpoint.values())))
    ((checkpoint, of),) = by_checkpoint.items()
    assert checkpoint is not None
    return of, checkpoint


def _nothing(run: RunData, strategy: str) -> str:
    suite = run.info.suite
    adapting = [name for name in suite.run.strategies if suite.phases(name)]
    others = f"; there is: {', '.join(adapting)}" if adapting else ""
    return (
        f"export: '{strategy}' adapts nothing, its backbone is the generic one (weights = "
        f"{Path(suite.model.weights).name}): name a strategy that adapts{others}"
    )


def _several(strategy: str, seed: int, groups: Sequence[Sequence[Row]]) -> str:
    """Groups of cells that part by backbone, or else by what their phases saw of a task."""
    backbones = list(dict.fromkeys(rows[0].backbone for rows in groups))
    transfers = list(dict.fromkeys(row.transfer for rows in groups for row in rows))
    words = backbones if len(backbones) > 1 else transfers
    return (
        f"export: '{strategy}' has {len(groups)} backbones of seed {seed}; say which: --setting "
        f"{' or '.join(words)}"
    )


def _load(path: Path, run: RunData, row: Row, checkpoint: str) -> Backbone:
    suite, file = run.info.suite, within(path, checkpoint)
    if not file.is_file():
        raise RunError(f"export: {file} is missing; only running the suite again makes it anew")
    record = latest([*run.records]).get(file.parent.name)
    if record is not None and (damage := RunFolder(path).damage(record)):
        raise RunError(f"export: {damage}; only running the suite again makes it anew")
    cut, size = suite.cut(row.strategy), suite.model.image_size
    try:
        return weights.load(row.backbone, str(file), image_size=size, cut=cut, seed=0)
    except WeightsError as error:
        raise RunError(
            f"export: {file} is damaged ({error}); only running the suite again makes it anew"
        ) from error


def _refuse_other(folder: Path) -> None:
    """What is there already is replaced only if it is an export."""
    other = "is a file" if folder.is_file() else ""
    if folder.is_dir():
        names = sorted({one.name for one in folder.iterdir()} - {CARD, CONFIG, WEIGHTS})
        other = f"holds {names[0]}" if names else ""
    if other:
        raise RunError(f"export: {folder} {other} and is no export: name another folder with --out")


def _name(row: Row) -> str:
    return re.sub(r"[^\w.@-]", "-", f"{row.backbone}-{row.strategy}-seed{row.seed}")


def _command(path: Path, row: Row, choice: Choice) -> str:
    words = ["greendapt", "export", path.name, "--strategy", row.strategy, "--seed", str(row.seed)]
    words += ["--setting", ",".join(choice.setting)] if choice.setting else []
    return shlex.join(words)
