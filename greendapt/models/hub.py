"""The Hugging Face hub: whether it can be reached, and a folder pushed to it."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi, constants
from huggingface_hub.utils import HfHubHTTPError, get_session  # type: ignore[attr-defined]

from greendapt.core.errors import WeightsError


def answers() -> bool:
    """Whether the hub can be reached; its client would try for a minute before it said no."""
    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    except Exception:  # of requests or httpx, by the hub client's version
        return False
    return True


def push(folder: Path, repository: str) -> str:
    """Upload ``folder`` as one commit, with the token that the hub's client finds; the address.

    A repository that there is not yet is made private. Raises WeightsError where the hub cannot be
    reached, or refuses.
    """
    where = f"--push-to-hub {repository}"
    if not answers():
        raise WeightsError(
            f"{where}: {constants.ENDPOINT} cannot be reached; the folder is there: {folder}"
        )
    try:
        api = HfApi(library_name="greendapt")
        made = api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(repo_id=made.repo_id, folder_path=folder, commit_message="Export")
    except Exception as error:  # the hub client raises many kinds
        raise WeightsError(
            f"{where}: the hub refuses it ({_reason(error)}); the folder is there: {folder}"
        ) from error
    return made.url


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, HfHubHTTPError) and status in (401, 403):
        return f"HTTP {status}: log in with 'hf auth login', or set HF_TOKEN to one that may write"
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
