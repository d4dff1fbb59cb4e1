"""Whether a folder of published reports can be shown: what `greendapt publish --check` asks."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from pathlib import Path

from greendapt.core.errors import GreendaptError, RunError
from greendapt.disk.files import own
from greendapt.report.published import Published
from greendapt.report.site import PAGE, README, RECORD, REPORT, index_files, record_of

FILES = frozenset({PAGE, RECORD, REPORT, "report.svg"})
"""What a report's folder may hold: results, no image of a patient."""
_IMAGES = re.compile(r".*\.(png|jpe?g|gif|tiff?|bmp|webp|dcm|nii|gz|npz|npy)", re.IGNORECASE)
_PICTURE = re.compile(r"<image[\s>]|<img[\s>]|data:image/(?!svg)", re.IGNORECASE)
_FOLDERS = "home|Users|root|tmp|mnt|data|work|scratch|var|opt|srv|private|media|Volumes|gpfs|lustre"
_PATH = re.compile(
    rf"(?<![\w/.:<~])/(?:{_FOLDERS})/[\w.-]+|(?<!\w)[A-Za-z]:\\\\?[\w.-]+\\|(?<!\w)~/\w|file:/"
)


def problems(site: Path) -> list[str]:
    """A sentence each: what, where, and what to do; none where all is well. RunError where ``site``
    is no folder of reports."""
    if not site.is_dir():
        raise RunError(f"{site} is no folder of reports; name one that greendapt publish made")
    found: list[str] = []
    records: list[Published] = []
    for folder in sorted(path for path in site.iterdir() if path.is_dir()):
        try:
            found += _of_folder(folder, records)
        except GreendaptError as error:
            found.append(str(error))
        except OSError as error:
            found.append(f"cannot read {error.filename}: {error.strerror}; make it readable")
    if not records and not found:
        raise RunError(f"{site} holds no published run; greendapt publish RUN --to {site}")
    return found or list(_of_index(site, records))


def _of_folder(folder: Path, records: list[Published]) -> Iterator[str]:
    names = {path.name for path in folder.iterdir()}
    if RECORD not in names:
        if names & FILES:
            yield f"{folder} has no {RECORD}; publish its run with greendapt publish"
        for path in sorted(folder.rglob("*")):
            if _IMAGES.fullmatch(path.name):
                yield f"{path} may be an image of a patient; take it out"
        return
    record = record_of(folder)
    records.append(record)
    for name in sorted(names - FILES):
        yield f"{folder / name} is no part of a report; take it out (results only, no image)"
    for name in sorted((FILES - {"report.svg"}) - names):
        yield f"{folder} has no {name}; publish the run again"
    for name in sorted(names & FILES):
        yield from _of_file(folder / name, record)


def _of_file(path: Path, record: Published) -> Iterator[str]:
    data = own(path).read_bytes()
    text = data.decode("utf-8", errors="replace")
    digest = record.files.get(path.name)
    if digest is not None and digest != hashlib.sha256(data).hexdigest():
        yield f"{path} is not what was published (its SHA-256 differs); publish the run again"
    if named := _PATH.search(text):
        yield f"{path} names a place of a machine ({named[0]}); publish the run again"
    if _PICTURE.search(text):
        yield f"{path} holds a picture of pixels; reports hold drawings of results only"
    if path.name == REPORT and (not record.headline or record.headline not in _plain(text)):
        yield f"{path} does not say the verdict of {RECORD}; publish the run again"


def _of_index(site: Path, records: list[Published]) -> Iterator[str]:
    if not (site / README).exists():
        yield f"{site} has no {README}; run greendapt publish --to {site}"
        return
    files = index_files(site, records)
    if site / README not in files:
        yield f"{site / README} has no place for the list of runs; delete it and publish again"
    for path, data in files.items():
        if not path.exists() or path.read_bytes() != data:
            yield f"{path} is not up to date; run greendapt publish --to {site}"


def _plain(markdown: str) -> str:
    return html.unescape(re.sub(r"\\(.)", r"\1", markdown))
