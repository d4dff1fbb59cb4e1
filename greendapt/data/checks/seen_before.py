"""Images and patients that stand in more than one set: what was trained on is not judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from greendapt.core.errors import DataError
from greendapt.core.remarks import ALLOW, Remark, leak, weak
from greendapt.data.checks import words
from greendapt.data.checks.look_ups import LookUps, Part
from greendapt.data.checks.words import capitalised
from greendapt.data.imageset import ImageSet


@dataclass(frozen=True)
class Apart:
    """What keeps sets apart. ``allowed``: a leak becomes a remark that stands in the verdict."""

    allowed: bool = False
    look_ups: LookUps = field(default_factory=LookUps)
    notes: list[Remark] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    def settle(self) -> list[Remark]:
        """The remarks. Raises one DataError of all leaks, where they are not allowed."""
        if self.leaks and not self.allowed:
            raise DataError("\n".join(self.leaks))
        return [*(leak(text + ".") for text in self.leaks), *self.notes, *self.look_ups.notes]

    def within(self, development: ImageSet) -> None:
        """Test images that were trained or chosen on, and validation images that were trained on;
        the development set as it is."""
        name = development.name
        train = Part.of(development, f"{name}'s training part", ("train",))
        val = Part.of(development, f"{name}'s validation part", ("val",))
        test = Part.of(development, f"{name}'s test part", ("test",))
        learnt = Part.of(development, f"{name}'s training or validation part", ("train", "val"))
        found = self.look_ups.seen(test, learnt)
        if found.copy.any():
            exact = int(found.same.sum())
            text = words.copies(
                int(found.copy.sum()) - exact, exact, len(test), test.name, learnt.name
            )
            self._leak(text, "leave them out of one of the two")
        both = len(np.intersect1d(test.patients, learnt.patients))
        if both:
            text = words.patients(both, test.name, learnt.name)
            self._leak(text, "give each patient one split")
        chosen = self.look_ups.seen(val, train).copy
        if chosen.any():
            text = f"{chosen.sum()} of {len(val)} images of {val.name} are copies of images of"
            self.notes.append(weak(f"{capitalised(text)} {train.name}."))

    def pool(
        self, pool: ImageSet, development: ImageSet, external: Mapping[str, ImageSet]
    ) -> ImageSet:
        """Without what is judged on."""
        held = Part.of(development, f"{development.name}'s validation or test part", _HELD)
        sets = [held, *(Part.of(one, f"the {one.name} set") for one in external.values())]
        return self._without(Part.of(pool), sets, "choose another pool")

    def external(self, one: ImageSet, development: ImageSet) -> ImageSet:
        """Without what the head is trained or chosen on."""
        learnt = Part.of(
            development, f"{development.name}'s training or validation part", ("train", "val")
        )
        return self._without(Part.of(one), [learnt], "an external set comes from elsewhere")

    def _without(self, part: Part, others: list[Part], what_to_do: str) -> ImageSet:
        for other in others:
            found = self.look_ups.seen(part, other)
            if found.any.all():
                self._leak(
                    f"{part.name}: every image, or its patient, is also in {other.name}"
                    f"{_of_copies(found.copy.sum(), found.same.sum())}",
                    what_to_do,
                )
                return part.subset()
            if found.any.any():
                count = f"{found.any.sum()} of {len(part)} {part.name} images were left out"
                copies = _of_copies(found.copy.sum(), found.same.sum())
                self.notes.append(
                    weak(
                        f"{capitalised(count)}: they, or other images of their patients, are in "
                        f"{other.name}{copies}."
                    )
                )
                part = part.without(found.any)
        return part.subset()

    def _leak(self, text: str, what_to_do: str) -> None:
        self.leaks.append(text if self.allowed else f"{text}; {what_to_do}, {ALLOW}")


_HELD = ("val", "test")


def _of_copies(copies: int, same: int) -> str:
    """How many only look the same."""
    near = copies - same
    return f" ({near} of them as copies that are nearly the same)" if near else ""


def same_source(
    pool: ImageSet, development: ImageSet, external: Mapping[str, ImageSet]
) -> list[Remark]:
    gain = "what DAPT gains here is the gain with data of the same source."
    inside = "it is not external to what the backbone or the head was trained on."
    pairs = [(pool, development, gain)]
    pairs += [(first, one, inside) for one in external.values() for first in (pool, development)]
    return [
        weak(f"{capitalised(a.name)} and {b.name} come from the same source: {consequence}")
        for a, b, consequence in pairs
        if a.origins & b.origins
    ]
