"""Measurements; never part of a test run."""
