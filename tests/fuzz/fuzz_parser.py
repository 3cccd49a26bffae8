#!/usr/bin/env python3
"""Coverage-guided fuzzing of the log parser. Needs atheris (``pip install atheris``), which no other test does.

    PATH=$PWD/.venv/bin:$PATH
    tests/fuzz/fuzz_parser.py FOUND tests/fuzz/corpus -max_total_time=600 -max_len=8192 -rss_limit_mb=6000
    tests/fuzz/fuzz_parser.py -merge=1 -max_len=2048 tests/fuzz/corpus FOUND      keep of FOUND what adds coverage

What it finds stays in ``tests/fuzz/corpus``, which ``test_fuzz_corpus.py`` replays without atheris.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["orchestrator.parsing", "orchestrator.wire", "orchestrator.domain"]):
    from tests.fuzz.parser_checks import check

if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
