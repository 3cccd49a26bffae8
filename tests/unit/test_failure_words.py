"""A sealed failure in one line."""

from __future__ import annotations

import json

import pytest

from orchestrator.domain.failure_words import failure_words

MEMORY = {"class": "oom", "phase": "backward", "tried_mib": 2048, "free_mib": 512.0, "shortfall_mib": 1536,
          "line": None}


@pytest.mark.parametrize(("failure", "words"), [
    (MEMORY, "out of memory in backward (tried 2.00 GiB, free 0.50 GiB, short by 1.50 GiB)"),
    ({**MEMORY, "phase": None, "free_mib": None, "shortfall_mib": None, "line": "CUDA out of memory."},
     "out of memory (tried 2.00 GiB): CUDA out of memory."),
    ({"class": "code_error", "line": "ValueError: x"}, "an error of the trainer's code: ValueError: x"),
    ({"class": "something newer"}, "something newer"),
])
def test_class_phase_memory_and_line_are_told(failure: dict[str, object], words: str) -> None:
    assert failure_words(json.dumps({"outcome": "failed", "failure": failure})) == words


@pytest.mark.parametrize("seal", [None, "", '{"outcome": "completed"}', '{"failure": null}'])
def test_what_did_not_fail_has_no_words(seal: str | None) -> None:
    assert failure_words(seal) == ""
