"""Several sources as one set: views chosen, patients drawn, labels harmonised, nothing mixed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note
from greendapt.data.copies import Looks
from greendapt.data.copies.remembered import groups
from greendapt.data.imageset import NO_MASK, ImageSet, Stack
from greendapt.data.labels import NO_FINDING, Names, plain, without_constant
from greendapt.data.leaks import column_auc, gives_away
from greendapt.data.sources.harmonise import Findings, names_of, place
from greendapt.data.sources.subgroups import UNKNOWN as NOT_TOLD
from greendapt.data.splits import share
from greendapt.suite.datasets import MergedData

UNKNOWN = "UNKNOWN"
UNCERTAIN = {"mask": float("nan"), "zero": 0.0, "one": 1.0}
_VIEWS = {
    "frontal": ("PA", "AP", "AP Supine", "AP_horizontal", "AP Erect", "Frontal"),
    "lateral": ("L", "LL", "Lateral", "Left Lateral"),
}


def merge(
    spec: MergedData, parts: Sequence[ImageSet], *, name: str, names: Names, splits: bool = True
) -> ImageSet:
    """``parts`` are the sources as loaded, each with a name of its own.

    Raises DataError where sources share patients or no label, or a view filter leaves nothing.
    """
    _distinct(parts)
    seen, copies = _without_copies([_seen(part, spec.views) for part in parts], splits)
    chosen = [_drawn(part, spec) for part in seen]
    joins = ", ".join(f"{p.name} ({len(p)} images)" for p in chosen)
    notes = [note(f"It joins {joins}.")]
    notes += [remark.of(part.name) for part in chosen for remark in part.notes]
    labelled, label_notes = _labelled(chosen, spec, names)
    joined = _joined(labelled, name)
    return replace(joined, notes=(*notes, *copies, *label_notes, *_given_away(joined)))


# --- which images ---------------------------------------------------------------------------


def _distinct(parts: Sequence[ImageSet]) -> None:
    for k, one in enumerate(parts):
        for other in parts[:k]:
            same = len(np.intersect1d(one.patients, other.patients))
            if same:
                raise DataError(
                    f"{other.name} and {one.name} are one source, {same} patients are in both; "
                    "name it once"
                )


def _seen(part: ImageSet, wanted: Sequence[str]) -> ImageSet:
    """The images whose view is wanted."""
    if not wanted:
        return part
    words = {plain(w) for view in wanted for w in _VIEWS.get(view.casefold(), (view,))}
    views = _views_of(part)
    kept = np.array([plain(view) in words for view in views.tolist()])
    if not kept.any():
        raise DataError(
            f"{part.name}: no image has a view among {', '.join(wanted)} "
            f"(there is: {', '.join(np.unique(views))}); add one of these to views"
        )
    return part.subset(kept)


def _without_copies(parts: Sequence[ImageSet], splits: bool) -> tuple[list[ImageSet], list[Remark]]:
    """The sources without images of training and validation that also stand in a later part.

    ``splits``: the parts are used, and nearly the same images are the same.
    """
    hashes = np.concatenate([part.hashes for part in parts])
    of = np.concatenate([part.splits for part in parts])
    rank = np.select([of == "train", of == "val"], [0, 1], 2)

    def looks() -> Looks:
        return Looks.together([Looks.of(len(part), part.gather) for part in parts])

    near = splits and not all(part.drawn for part in parts)
    which = groups(hashes, parts[0].pixels.shape[-1], looks if near else None)
    last = np.zeros(len(hashes), dtype=np.int64)
    np.maximum.at(last, which, rank)
    kept = np.split(rank == last[which], np.cumsum([len(part) for part in parts])[:-1])
    left_out = sum(int((~keep).sum()) for keep in kept)
    if not left_out:
        return list(parts), []
    text = (
        f"{left_out} images were left out of training or validation: the same image stands in a "
        "later part."
    )
    return [part.subset(keep) for part, keep in zip(parts, kept, strict=True)], [note(text)]


def _drawn(part: ImageSet, spec: MergedData) -> ImageSet:
    """``spec.fraction`` of the patients, from each split apart."""
    if spec.fraction == 1:
        return part
    kept = np.zeros(len(part), dtype=bool)
    for split in np.unique(part.splits):
        there = np.flatnonzero(part.splits == split)
        kept[there] = share(part.patients[there], spec.fraction, spec.seed, part.targets[there])
    return part.subset(kept)


# --- labels ---------------------------------------------------------------------------------


def _labelled(
    parts: Sequence[ImageSet], spec: MergedData, names: Names
) -> tuple[list[ImageSet], list[Remark]]:
    """The sources over one list of labels, and what a reader should know of it."""
    tasks = {part.task for part in parts}
    if tasks == {"unlabelled"}:
        return list(parts), []
    if tasks == {"multiclass"}:
        return _classes(parts, spec)
    return _findings(parts, spec, names)


def _classes(parts: Sequence[ImageSet], spec: MergedData) -> tuple[list[ImageSet], list[Remark]]:
    classes = _named([part.classes for part in parts], parts, spec)
    done, notes = [], []
    for part in parts:
        targets = place(part.classes, part.targets.astype(np.int64), classes)
        lost = int((targets < 0).sum())
        if lost:
            notes.append(
                note(f"{part.name}: {lost} images of classes that not all sources have go.")
            )
        done.append(replace(part, classes=classes, targets=targets).subset(targets >= 0))
    if len(np.unique(np.concatenate([part.targets for part in done]))) < 2:
        raise DataError(f"every image is '{classes[0]}'; at least two classes are needed")
    return done, notes


def _findings(
    parts: Sequence[ImageSet], spec: MergedData, names: Names
) -> tuple[list[ImageSet], list[Remark]]:
    nothing = names(NO_FINDING)
    findings = [Findings.of(part).settle(nothing, spec.no_finding) for part in parts]
    classes = _named([one.names for one in findings], parts, spec)
    values = [one.over(classes) for one in findings]
    kept, varies, left_out = without_constant(classes, np.concatenate(values))
    if not kept:
        raise DataError(f"no label differs between the images of all sources: {', '.join(classes)}")
    done = [
        replace(part, task="multilabel", classes=kept, targets=v[:, varies])
        for part, v in zip(parts, values, strict=True)
    ]
    return done, [note(_which_labels(kept, spec)), *left_out]


def _named(
    labels: Sequence[tuple[str, ...]], parts: Sequence[ImageSet], spec: MergedData
) -> tuple[str, ...]:
    names = names_of(labels, spec.labels)
    if not names:
        has = "; ".join(
            f"{p.name} has {', '.join(k) or 'none'}" for p, k in zip(parts, labels, strict=True)
        )
        raise DataError(
            f"the sources share no label ({has}); add [data.aliases], or take labels = 'union'"
        )
    return names


def _which_labels(classes: tuple[str, ...], spec: MergedData) -> str:
    if spec.labels == "intersection":
        return f"Labels are those that all sources have: {', '.join(classes)}."
    return "Labels are those of any source; what a source does not know is missing there."


# --- one set --------------------------------------------------------------------------------


def _joined(parts: Sequence[ImageSet], name: str) -> ImageSet:
    first = parts[0]
    arrays = [_array(part) for part in parts]
    starts = np.cumsum([0, *map(len, arrays[:-1])])
    return ImageSet(
        name=name,
        origin=" + ".join(sorted({part.origin for part in parts})),
        synthetic=any(part.synthetic for part in parts),
        task=first.task,
        classes=first.classes,
        pixels=Stack(tuple(arrays)),
        rows=np.concatenate([s + p.where for s, p in zip(starts.tolist(), parts, strict=True)]),
        targets=np.concatenate([part.targets for part in parts]),
        patients=np.concatenate([part.patients for part in parts]),
        splits=np.concatenate([part.splits for part in parts]),
        hashes=np.concatenate([part.hashes for part in parts]),
        views=None
        if all(part.views is None for part in parts)
        else np.concatenate([_views_of(part) for part in parts]),
        masks=None
        if all(part.masks is None for part in parts)
        else np.concatenate([_masks_of(part) for part in parts]),
        groups=_groups_of(parts),
        sources=np.repeat([part.origin for part in parts], [len(part) for part in parts]),
    )


def _array(part: ImageSet) -> NDArray[np.uint8]:
    assert not isinstance(part.pixels, Stack)  # a source is one folder, one class, one phantom
    return part.pixels


def _groups_of(parts: Sequence[ImageSet]) -> dict[str, NDArray[np.str_]]:
    kinds = dict.fromkeys(kind for part in parts for kind in part.groups)
    return {
        kind: np.concatenate(
            [part.groups.get(kind, np.full(len(part), NOT_TOLD)) for part in parts]
        )
        for kind in kinds
    }


def _views_of(part: ImageSet) -> NDArray[np.str_]:
    return np.full(len(part), UNKNOWN) if part.views is None else part.views


def _masks_of(part: ImageSet) -> NDArray[np.uint8]:
    if part.masks is None:
        return np.full((len(part), *part.pixels.shape[2:]), NO_MASK, dtype=np.uint8)
    return part.masks


def _given_away(joined: ImageSet) -> list[Remark]:
    """How far the source alone predicts labels that several know: a shortcut that merging makes."""
    if joined.task == "unlabelled" or joined.sources is None or len(joined.origins) < 2:
        return []
    targets, classes = joined.targets, len(joined.classes)
    if targets.ndim == 2:
        has = [(~np.isnan(targets[joined.sources == one])).any(axis=0) for one in joined.origins]
        targets = targets[:, np.sum(has, axis=0) > 1]
        classes = targets.shape[1]
    every = np.ones(len(joined), dtype=bool)
    alone = column_auc(joined.sources, targets, every, every, classes)
    if alone is None:
        return []
    return [gives_away("The source alone", alone, "the labels that several know")]
