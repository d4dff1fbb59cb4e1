"""What is wrong with data, in the words of ``bench``, ``plan`` and ``data audit`` alike."""

from __future__ import annotations


def copies(near: int, exact: int, images: int, of: str, among: str) -> str:
    """``near``: beside the ``exact`` ones, the same content."""
    return (
        f"{near + exact} of {images} images of {of} are copies of images of {among} "
        f"({exact} the same, {near} nearly)"
    )


def patients(count: int, one: str, other: str) -> str:
    return f"{count} patients are in both {one} and {other}"


def contradicted(count: int, of: str) -> str:
    return f"{count} images of {of} stand there with another label, too"


def capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]
