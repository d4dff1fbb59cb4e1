"""``greendapt comment FILE``: the verdict, on the pull or merge request of this job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def comment(
    file: Annotated[Path, typer.Argument(help="Markdown: what check --markdown wrote.")],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Which comment: each name has one.")
    ] = "check",
) -> None:
    """Write a file as one comment on the pull or merge request that this job of GitHub or GitLab
    runs for; the comment of the push before is rewritten.

    It needs the job's own variables and a token: GITHUB_TOKEN with pull-requests: write, or
    GITLAB_TOKEN of a project that may use the API.
    """
    from greendapt.core.errors import GreendaptError
    from greendapt.gate.comments import comment as write

    if not name.replace("-", "").isalnum():
        raise GreendaptError(f"--name {name}: letters, digits and hyphens, please")
    write(file.read_text(encoding="utf-8"), name, os.environ)
