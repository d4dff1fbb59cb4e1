"""Who schedules, shares out or predicts stages knows no kind of stage."""

import re
from pathlib import Path

import pytest

import greendapt

ROOT = Path(greendapt.__file__).parent
KNOWS_NO_KIND = [
    *(ROOT / "forecast").glob("*.py"),
    *(ROOT / "run/workers").glob("*.py"),
    *(path for path in (ROOT / "run").glob("*.py") if path.name != "plan.py"),
    ROOT / "run/stages/base.py",
]
KINDS = re.compile(
    r"\bKind\.[A-Z]|(stage|read|parent)\w*\.kind\s*(==|!=|in\b|is\b)|isinstance\(\w*stage"
    r"|run\.stages\.(pretrain|prefix|adapt|features|probe|finetune|segment|evaluate|use|downstream)\b"
)


@pytest.mark.parametrize("path", KNOWS_NO_KIND, ids=lambda path: path.stem)
def test_no_kind_is_asked_for(path):
    assert not KINDS.findall(path.read_text(encoding="utf-8"))
