"""llm.c: ``step 1/21479 | loss 11.0079 (+nanz)| norm … | 2734.72 ms | -100.0% bf16 MFU | 167751 tok/s``.

Its ``val loss`` lines name no step; they are printed after as many updates as train lines before them.
"""

from __future__ import annotations

import re

from orchestrator.parsing.format import INTEGER, LOSS, NUMBER, Pattern, pattern_format
from orchestrator.parsing.points import AT_LAST_STEP, TRAIN, VALIDATION

_Z = rb" ?\([+-]?(?:" + NUMBER + rb"|nan|inf)z\)"
_STEP = re.compile(
    rb"step +(?P<step>" + INTEGER + rb")/(?P<total>" + INTEGER + rb") \| (?:train )?loss (?P<loss>" + LOSS + rb")"
    rb"(?:" + _Z + rb")? ?\| norm " + LOSS + rb"(?:" + _Z + rb")? ?\| lr " + NUMBER
    + rb" \| \(?(?P<own>" + NUMBER + rb") ms ?(?:\|[^\n]*\btok/s\)?)")
_VALIDATION = re.compile(rb"val loss (?P<loss>" + LOSS + rb")")

LLMC = pattern_format("llm.c", "llm.c's train_gpt2, as printed", (
    Pattern(b"| norm ", TRAIN, _STEP, closed=True),
    Pattern(b"val loss ", VALIDATION, _VALIDATION, AT_LAST_STEP),
))
