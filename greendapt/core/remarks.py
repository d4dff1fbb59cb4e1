"""Sentences that people should read about data and runs, each with its gravity."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

ALLOW = "or --allow-leaks, which the verdict then says"
"""What else can be done about a leak."""


class Gravity(StrEnum):
    """In order, gravest first."""

    LEAK = "leak"
    """What is judged was trained on: it stops a run, or stands in the verdict where allowed."""
    WEAK = "weak"
    """It weakens what can be concluded: it stands beside the verdict."""
    NOTE = "note"
    """What was read, or done, and how."""


class Remark(BaseModel):
    """A sentence, or several; it names no patient and no file."""

    model_config = ConfigDict(frozen=True)

    text: str
    gravity: Gravity = Gravity.NOTE

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """A run of an older version kept sentences alone; the first ones stood by the verdict."""
        return {"text": value, "gravity": Gravity.WEAK} if isinstance(value, str) else value

    def __str__(self) -> str:
        return self.text

    def of(self, name: str) -> Remark:
        """The remark, said of what is called ``name``."""
        return self.model_copy(update={"text": f"{name}: {self.text}"})


def note(text: str) -> Remark:
    return Remark(text=text)


def weak(text: str) -> Remark:
    return Remark(text=text, gravity=Gravity.WEAK)


def leak(text: str) -> Remark:
    return Remark(text=text, gravity=Gravity.LEAK)


def ranked(remarks: Iterable[Remark]) -> list[Remark]:
    """Each once, gravest first, else in their order."""
    order = list(Gravity)
    return sorted(dict.fromkeys(remarks), key=lambda one: order.index(one.gravity))
