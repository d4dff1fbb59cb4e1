"""Figures, records, suites, errors and units: pydantic and the standard library only."""
