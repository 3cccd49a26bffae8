"""Reading and writing the run-directory documents of ``tests/contract/v1``; the laptop's half of the treaty."""
