"""The site has every page of docs/, and no page that is not there."""

import re
from pathlib import Path

import yaml

import greendapt

ROOT = Path(__file__).parents[2]


def pages(part):
    """The files of a part of the navigation."""
    if isinstance(part, str):
        return [part]
    children = part.values() if isinstance(part, dict) else part
    return [page for child in children for page in pages(child)]


def test_every_page_is_in_the_navigation_once():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = pages(site["nav"])
    assert sorted(named) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_the_reference_names_what_there_is():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    names = re.findall(r"^::: greendapt[.\w]*\.(\w+)$", text, flags=re.MULTILINE)
    assert {"load_suite", "run", "resume", "read_run", "Run"} <= set(names)
    for name in names:
        assert hasattr(greendapt, name), name
