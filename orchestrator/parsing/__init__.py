"""Reads training logs of many programs as fast as they can be read, and needs nothing else of kdorch but its metrics.

    from orchestrator.parsing import parse_path
    for record in parse_path("train.log", target=3.28):
        print(record.final_val_loss, record.as_json())

Theory of operation. ``blocks`` cuts a stream into blocks of whole lines, whatever the stream's chunks were. ``source``
leaves out source code that was printed before the run. ``scan`` looks for the literals that lines of the format must
hold (``bytes.find``; nothing else is looked at), and where such lines stand close together ``dense`` reads hundreds of
them at once in numpy columns: with its digits deleted, a log is the same few lines over and over, so the shape of a
line is recognised by one dictionary look-up and only digits remain to be read. ``runs`` tells runs apart and drops
what a resumption overwrites; ``series`` holds a run in columns; ``record`` says its figures with ``domain.metrics``.

The formats themselves are tables of patterns, one small module each; ``registry`` lists them. To add one, write the
patterns, give it a name and ``name/1``, and list it.

Two readers, one grammar. ``reader`` gives figures, fast; ``curves`` gives every line with its place in the file, for
the ledger's imports. Which line of ours or of modded-nanogpt's means what is decided by ``wire.loglines`` alone. The
sealed logs of kdorch's own runs are read by ``wire.trainlog``, registered as ``modded-nanogpt/1``: it follows a log
that grows, keeps its marks (a KD stop, the profile of a step, why a run ended), and its results never change, because
verdicts rest on them. Every other format has its one owner here, and tests hold the three together.
"""

from orchestrator.parsing.reader import parse_bytes, parse_path, parse_stream
from orchestrator.parsing.record import Record
from orchestrator.parsing.registry import FORMATS

__all__ = ["FORMATS", "Record", "parse_bytes", "parse_path", "parse_stream"]
