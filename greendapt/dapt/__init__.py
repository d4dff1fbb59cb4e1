"""Strategies: which units of a backbone train in a phase, and what its batch-norm does."""
