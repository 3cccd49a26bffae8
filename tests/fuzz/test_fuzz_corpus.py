"""Everything that fuzzing ever found, and where it began, replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.parser_checks import CHOICES, check
from tests.unit.parsing_logs import EXAMPLES

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.name)
def test_a_kept_input_breaks_no_rule(path: Path) -> None:
    check(path.read_bytes())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_log_breaks_no_rule_read_as_any_format(name: str) -> None:
    text = EXAMPLES[name]().text.encode()
    for choice in range(len(CHOICES)):
        check(bytes([choice, 250]) + text)
