"""What a format of a report has to be: see `greendapt.report.formats.table`."""

from __future__ import annotations

from pathlib import Path

from greendapt import api
from greendapt.report.formats.table import FORMATS, Files
from greendapt.report.view.from_run import view
from greendapt.store.runinfo import RunData
from greendapt.testing.base import Contract, tiny_suite

# a format that takes names for markup breaks on it
_STRANGE = "<b>&amp;|*_`\\%$#{=1+1}"


class ReportFormatContract(Contract):
    """Of a `greendapt.report.formats.table.Format`."""

    registry = FORMATS

    def test_a_run_is_written_in_it(self, tmp_path: Path) -> None:
        strategies = {"strategy": {_STRANGE: {"phases": ["adapt"]}}}
        suite = tiny_suite(strategies | {"run.strategies": ["none", _STRANGE]})
        run = api.run(suite, out=tmp_path, progress=False)
        before = _listing(run.path)
        files = self._made(run.data, "mine.file")
        assert _listing(run.path) == before, "make() wrote a file: give bytes instead"
        assert "mine.file" in files, "make() has to give the file it is asked for by name"
        for name, data in files.items():
            assert Path(name).name == name, f"{name} lies outside the folder"
            assert isinstance(data, bytes), f"{name} is {type(data).__name__}, not bytes"
        assert files == self._made(run.data, "mine.file"), "not the same bytes for the same run"
        first, *_ = run.report([self.name])
        assert first.parent == run.path
        assert first.name == self.registry.get(self.name).file

    def _made(self, run: RunData, name: str) -> Files:
        files: Files = self.registry.get(self.name).make(run, view(run), name)
        return files


def _listing(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
