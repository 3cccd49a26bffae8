"""Reaches hosts, by SSH or locally: runs a program there, or talks to one over a channel. Knows nothing of runs."""
