"""torchtitan: ``… step: 14  loss:  3.24405  grad_norm:  0.8319  memory:  9.46GiB(64.99%)  tps: 7,282 …``.

Every rank may print the same line; a repeated one counts once. The memory is the reserved peak since the line before.
"""

from __future__ import annotations

import re

from orchestrator.parsing.format import COUNT, INTEGER, LOSS, NUMBER, FactPattern, Pattern, pattern_format
from orchestrator.parsing.points import TRAIN, VALIDATION, Fact

_HEAD = rb"(?:\[(?:rank|default)[0-9]{1,15}\]:\s?)?(?:\[titan\] [^|{}\n]*? - )?"
_MEMORY = rb"memory: +(?P<reserved_gib>" + NUMBER + rb")GiB(?:\(" + NUMBER + rb"%\))? +tps: +(?:" + COUNT + rb")"
_TRAIN = re.compile(_HEAD + rb"step: +(?P<step>" + INTEGER + rb") +loss: +(?P<loss>" + LOSS + rb")"
                    rb"(?: +grad_norm: +" + LOSS + rb")? +" + _MEMORY + rb"(?: +[^\n]*)?")
_VALIDATION = re.compile(_HEAD + rb"validate step: +(?P<step>" + INTEGER + rb") +loss: +(?P<loss>" + LOSS + rb") +"
                         + _MEMORY)
_TOTAL = re.compile(_HEAD + rb"Training starts at step [0-9]{1,12}[^\n]{0,200}\btotal steps ([0-9]{1,12})\b[^\n]*")
_COMPLETED = re.compile(_HEAD + rb"Training completed")

TORCHTITAN = pattern_format("torchtitan", "torchtitan's console lines, coloured or not, once or once per rank", (
    Pattern(b"  grad_norm: ", TRAIN, _TRAIN),
    Pattern(b"validate step: ", VALIDATION, _VALIDATION),
    Pattern(b"GiB(", TRAIN, _TRAIN),
), (
    FactPattern(b"Training starts at step ", _TOTAL, lambda m: Fact(total=int(m[1]))),
    FactPattern(b"Training completed", _COMPLETED, lambda _: Fact(complete=True), closed=True),
))
