"""The words of a page, each in a sentence, for whoever has not met them."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

TERMS = {
    "DAPT": "domain-adaptive pre-training: a network that was trained on other pictures is trained "
    "further on pictures of the field, before it learns the task",
    "full": "every layer is trained in it",
    "partial": "only the last blocks are",
    "hybrid": "first the last blocks are, then every layer",
    "simplified": "the network is cut short, and all that is left is trained",
    "LoRA and other small parts": "the network stays as it is but for a few numbers beside its "
    "layers, or within them (PEFT)",
    "frozen features": "what a network that no longer trains makes of an image; a small head "
    "learns the task from that",
    "cut": "the network ends after this stage; later ones are not there",
    "front": "the strategies that no other one beats: none is as cheap and as good, and better in "
    "one of both",
    "best buy": "the cheapest strategy that is no worse than the best one by more than the margin, "
    "with a probability over 90%",
    "credible": "the 95% interval of the difference leaves zero out",
    "sunk": "spent once, whatever is decided here: generic pre-training, which every strategy "
    "starts from",
    "external": "the same task on data of another source, which nothing was trained on",
    "PUE": "power usage effectiveness: what a building takes from the grid over what its computers "
    "use; 1 is a building that adds nothing",
    "CO2e": "carbon dioxide and other gases, as the carbon dioxide that warms as much",
}
"""By the word as the page has it, in the order in which they build on each other."""

READ_ON = (
    (
        "Mehmood, Bajwa, Sun 2022: Resource-efficient domain adaptive pre-training",
        "https://arxiv.org/abs/2204.13280",
    ),
)
"""Title and address."""

_BY_WORD = {word.lower(): meaning for word, meaning in TERMS.items()}
_KNOWN = re.compile(rf"\b({'|'.join(map(re.escape, TERMS))})\b", re.IGNORECASE)


def explained(text: str) -> Markup:
    """``text`` with the meaning of each known word behind it, for who points at it."""
    parts = _KNOWN.split(text)  # what lies between known words, and these, in turn
    return Markup().join(
        Markup('<abbr title="{}">{}</abbr>').format(_BY_WORD[part.lower()], part)
        if number % 2
        else escape(part)
        for number, part in enumerate(parts)
    )
