"""The host side of kdorch: a standard-library supervisor and a torch trainer."""
