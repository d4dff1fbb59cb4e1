"""Synthetic chest X-rays from two simulated hospitals."""
