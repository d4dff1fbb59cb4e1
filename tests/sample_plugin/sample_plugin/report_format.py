"""The headline of a report, alone."""

from greendapt.report.formats.table import text

words = text("report.words.txt", lambda _, view: f"{view.headline}\n")
