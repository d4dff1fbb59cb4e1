"""What a backbone's name stands for: an architecture of timm's, or ``hf-hub:ORG/NAME``.

The latter is timm's own name for a model on the Hugging Face hub; what it is built from is in the
repository's ``config.json``, which the hub's client keeps once it was fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import timm
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from timm.models import load_model_config_from_hf

from greendapt.core.errors import ModelError
from greendapt.core.hints import did_you_mean
from greendapt.models import hub

_ON_HUB = "hf-hub:"


@dataclass(frozen=True)
class Source:
    """An architecture by timm's name (with its tag), how it is built, what its weights expect."""

    architecture: str
    arguments: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] | None = None

    def expects(self, key: str) -> Any:
        """Of the weights: ``mean``, ``std``, ``fixed_input_size``...; None where it is not said."""
        if self.configuration is None:
            return timm.get_pretrained_cfg_value(self.architecture, key)
        return self.configuration.get(key)

    @property
    def has_weights(self) -> bool:
        return self.configuration is not None or timm.is_model_pretrained(self.architecture)


def source_of(name: str) -> Source:
    """What ``name`` stands for; raises ModelError where timm has none of it."""
    if name.startswith(_ON_HUB):
        return _on_hub(name)
    if timm.is_model(name):
        return Source(name)
    hint = did_you_mean(name, timm.list_models(), 3)
    hint = f"; {hint}" if hint else " (timm.list_models() lists them)"
    raise ModelError(f"model.backbones: timm has no model '{name}'{hint}")


@contextmanager
def patient() -> Iterator[None]:
    """Within the block the hub's client does not wait for a hub that does not answer."""
    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = offline or not hub.answers()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


@cache
def _on_hub(name: str) -> Source:
    where = f"model.backbones: '{name}'"
    try:
        with patient():
            read, architecture, arguments = load_model_config_from_hf(name.removeprefix(_ON_HUB))
    except LocalEntryNotFoundError as error:
        raise ModelError(
            f"{where}: {constants.ENDPOINT} cannot be reached and its config.json is not in this "
            "machine's hub cache; fetch it where there is a network, or take one of timm's "
            "architectures with --weights FILE.safetensors"
        ) from error
    except EntryNotFoundError as error:
        raise ModelError(f"{where}: that repository has no config.json of timm's") from error
    except (KeyError, json.JSONDecodeError) as error:
        raise ModelError(
            f"{where}: its config.json is not timm's (it names no architecture); download its "
            "weights, and take timm's architecture with --weights FILE.safetensors"
        ) from error
    except Exception as error:  # the hub client raises many kinds
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"{where}: the hub does not give it ({why})") from error
    if not timm.is_model(architecture):
        raise ModelError(f"{where}: timm {timm.__version__} has no model '{architecture}'")
    return Source(architecture, arguments, read)
