"""One comment on a pull or merge request, written anew at each push instead of one more.

The only part of greendapt that writes to a server on its own account; it does so where a job of
GitHub or GitLab calls it, with the token that the job was given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from greendapt.core.errors import GreendaptError

_PAGE = 100
_PATIENCE_S = 30
_LETTERS = 60_000  # GitHub takes 65,536


@dataclass(frozen=True)
class Thread:
    """Where the comments of a request are: ``url`` lists and takes them, ``one`` and an id is one
    of them, which ``change`` rewrites."""

    url: str
    one: str
    change: str
    headers: Mapping[str, str]


def thread_of(environ: Mapping[str, str]) -> Thread:
    """Of the job that this process runs in. GreendaptError where it is none for a request."""
    if "GITHUB_ACTIONS" in environ:
        number = re.fullmatch(r"refs/pull/(\d+)/(merge|head)", environ.get("GITHUB_REF", ""))
        if number is None:
            raise GreendaptError("this job of GitHub is for no pull request: nothing to comment on")
        api = f"{_needed(environ, 'GITHUB_API_URL')}/repos/{_needed(environ, 'GITHUB_REPOSITORY')}"
        token = _needed(environ, "GITHUB_TOKEN")
        return Thread(
            f"{api}/issues/{number[1]}/comments",
            f"{api}/issues/comments",
            "PATCH",
            {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        )
    if "GITLAB_CI" in environ:
        request = environ.get("CI_MERGE_REQUEST_IID")
        if not request:
            raise GreendaptError(
                "this job of GitLab is for no merge request: nothing to comment on"
            )
        project = quote(_needed(environ, "CI_PROJECT_ID"), safe="")
        api = f"{_needed(environ, 'CI_API_V4_URL')}/projects/{project}"
        notes = f"{api}/merge_requests/{request}/notes"
        return Thread(notes, notes, "PUT", {"PRIVATE-TOKEN": _needed(environ, "GITLAB_TOKEN")})
    raise GreendaptError("this is no job of GitHub or GitLab: there is nothing to comment on")


def comment(text: str, name: str, environ: Mapping[str, str]) -> None:
    """Write ``text`` into the comment ``name`` of the request, a new one where it has none.

    Raises GreendaptError where there is no request, no token, or the server refuses.
    """
    mark = f"<!-- greendapt {name} -->"
    thread = thread_of(environ)
    before = next((one["id"] for one in _all(thread) if mark in str(one.get("body"))), None)
    told = text if len(text) <= _LETTERS else f"{text[:_LETTERS]}\n\n(cut: the job has all of it)"
    body = {"body": f"{mark}\n{told}"}
    if before is None:
        _call("POST", thread.url, thread, body)
    else:
        _call(thread.change, f"{thread.one}/{before}", thread, body)


def _all(thread: Thread) -> Iterator[dict[str, Any]]:
    page = 1
    while found := _call("GET", f"{thread.url}?per_page={_PAGE}&page={page}", thread):
        yield from found
        if len(found) < _PAGE:
            return
        page += 1


def _call(method: str, url: str, thread: Thread, body: Any = None) -> Any:
    if not url.startswith(("https://", "http://")):
        raise GreendaptError(f"{url[:80]} is no address of a server")
    headers = {**thread.headers, "Content-Type": "application/json", "User-Agent": "greendapt"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data, headers, method=method), timeout=_PATIENCE_S) as answer:
            return json.load(answer)
    except HTTPError as error:
        hint = "; the token may not write comments" if error.code in (401, 403, 404) else ""
        raise GreendaptError(
            f"the comment was refused: {error.code} {error.reason}{hint}"
        ) from error
    except (URLError, TimeoutError, ValueError) as error:
        raise GreendaptError(f"the comment could not be written: {error}") from error


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise GreendaptError(f"{name} is not set: the comment needs it")
    return value
