"""nanochat: base and mid training, SFT old and new, RL; and autoresearch, which prints alike with carriage returns.

Their validation is in bits per byte (``val_bpb``); it stands in the record's loss fields in that unit. nanochat's old
SFT prints a loss in nats. ``dt`` is the time of one step, ``total time`` the train time so far, in minutes.
"""

from __future__ import annotations

import re

from orchestrator.parsing.format import COUNT, INTEGER, LOSS, NUMBER, FactPattern, Pattern, pattern_format, scaled
from orchestrator.parsing.points import AT_LAST_STEP, TRAIN, VALIDATION, Fact

# A line is fields between bars. What stands in a field nobody asks for is taken possessively, so that a line that does
# not match costs no more than its length.
_OTHER = rb"\|[^|]*+"
_STEP = rb"(?P<step>" + INTEGER + rb")"
_OF = rb"(?:/(?P<total>" + INTEGER + rb"))"
_DONE = rb" \( ?" + NUMBER + rb"%\)"
_LOSS = rb" *+\| loss: (?P<loss>" + LOSS + rb") *+"
_SPEED = rb"\| dt: (?P<own>" + NUMBER + rb")ms *+\| tok/sec: (?:" + COUNT + rb") *+"
_TRAIN = re.compile(
    rb"step " + _STEP + _OF + rb"?(?:" + _DONE + rb")?" + _LOSS + rb"(?:(?!\| dt:)" + _OTHER + rb"){0,8}" + _SPEED
    + rb"(?:(?!\| total time:|\| remaining:)" + _OTHER + rb"){0,8}"
    + rb"(?:\| total time: (?P<time_min>" + NUMBER + rb")m *+)?(?:\| eta: [^|]*+)?")
_SFT = re.compile(rb"Step " + _STEP + _OF + rb"? *+\| Training loss: (?P<loss>" + LOSS + rb") *+\|[^\n]*")
_REWARD = re.compile(rb"Step " + _STEP + _OF + rb" *+\| Average reward: " + LOSS + rb"(?: *+\|[^\n]*)?")
_VALIDATION = re.compile(rb"Step " + _STEP + rb" *+\| Validation (?:bpb|loss): (?P<loss>" + LOSS + rb")")
_PEAK = re.compile(rb"Peak memory usage: (" + NUMBER + rb")MiB")
_TIME = re.compile(rb"Total training time: (" + NUMBER + rb")m")

NANOCHAT = pattern_format("nanochat", "nanochat's base, mid, SFT and RL training (validation in bits per byte)", (
    Pattern(b"tok/sec: ", TRAIN, _TRAIN),
    Pattern(b"Training loss: ", TRAIN, _SFT),
    Pattern(b"Average reward: ", TRAIN, _REWARD),
    Pattern(b"| Validation ", VALIDATION, _VALIDATION),
), (
    FactPattern(b"Peak memory usage: ", _PEAK, lambda m: Fact(allocated_mib=scaled(m[1], 1)), closed=True),
    FactPattern(b"Total training time: ", _TIME,
                lambda m: Fact(train_time_ms=scaled(m[1], 6e4), complete=True), closed=True),
), inherits_time=True)

_SEARCH = re.compile(
    rb"step " + _STEP + _DONE + _LOSS + rb"(?:(?!\| dt:)" + _OTHER + rb"){0,8}" + _SPEED
    + rb"(?:(?!\| remaining:)" + _OTHER + rb"){0,8}\| remaining: " + NUMBER + rb"s")

AUTORESEARCH = pattern_format("autoresearch", "autoresearch's five-minute runs (validation in bits per byte)", (
    Pattern(b"| remaining: ", TRAIN, _SEARCH, closed=True),
    Pattern(b"val_bpb: ", VALIDATION, re.compile(rb"val_bpb: +(?P<loss>" + LOSS + rb")"), AT_LAST_STEP),
), (
    FactPattern(b"training_seconds: ", re.compile(rb"training_seconds: +(" + NUMBER + rb")"),
                lambda m: Fact(train_time_ms=scaled(m[1], 1e3), complete=True)),
    FactPattern(b"peak_vram_mb: ", re.compile(rb"peak_vram_mb: +(" + NUMBER + rb")"),
                lambda m: Fact(allocated_mib=scaled(m[1], 1))),
    FactPattern(b"num_steps: ", re.compile(rb"num_steps: +(" + INTEGER + rb")"), lambda m: Fact(total=int(m[1]))),
), inherits_time=True)
