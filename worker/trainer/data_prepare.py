"""``python -m worker.trainer.data_prepare --out ROOT/data/NAME TEXT…``: text files become token shards.

A document is a file, or with ``--split LINE`` what stands between two such lines. Each begins with the tokenizer's
document token. One document in ``--validation`` (20), by the hash of its text, is for validation, so that adding files
moves none from one side to the other. ``prepared.json``, written last, says what was made of what, and the lines of a
campaign file that train on it. Exit codes as the trainer's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from worker.durable import sync_directory, write_atomic
from worker.trainer.errors import BadInput, TrainerError
from worker.trainer.shards import write_shard
from worker.trainer.tokenizers import BYTES, Tokenizer, open_tokenizer

PREPARED = "prepared.json"
LARGEST_VOCABULARY = 1 << 16


@dataclass
class _Part:
    """The shards of one side while they are written."""

    out: Path
    name: str
    shard_tokens: int
    files: list[dict[str, Any]] = field(default_factory=list)
    _waiting: list[np.ndarray[Any, np.dtype[np.uint16]]] = field(default_factory=list)
    _count: int = 0

    def add(self, tokens: Sequence[int]) -> None:
        """A document goes on in the next shard where this one is full."""
        left = np.asarray(tokens, dtype=np.uint16)
        while len(left):
            taken, left = np.split(left, [self.shard_tokens - self._count])
            self._waiting.append(taken)
            self._count += len(taken)
            if self._count == self.shard_tokens:
                self.close()

    def close(self) -> None:
        """Write what waits."""
        if not self._count:
            return
        tokens = np.concatenate(self._waiting)
        path = self.out / f"{self.name}_{len(self.files):06d}.bin"
        aside = path.with_suffix(".bin.tmp")
        write_shard(aside, tokens)
        aside.replace(path)
        self.files.append({"file": path.name, "tokens": len(tokens),
                           "sha256": hashlib.sha256(tokens.tobytes()).hexdigest()})
        self._waiting, self._count = [], 0


def prepare(texts: Sequence[Path], out: Path, tokenizer: Tokenizer, *, split: str | None = None,
            validation_share: int = 20, shard_tokens: int = 100_000_000) -> dict[str, Any]:
    """Write the shards below ``out``, a new directory, and return what ``prepared.json`` says. Raises
    :class:`BadInput`."""
    if tokenizer.vocabulary > LARGEST_VOCABULARY:
        raise BadInput(f"{tokenizer.name} has {tokenizer.vocabulary} tokens; a shard's 16 bits hold "
                       f"{LARGEST_VOCABULARY}")
    if out.exists() and any(out.iterdir()):
        raise BadInput(f"{out} is not empty; give --out a new directory, so that no shard of another corpus is read")
    out.mkdir(parents=True, exist_ok=True)
    parts = {False: _Part(out, "train", shard_tokens), True: _Part(out, "validation", shard_tokens)}
    documents = {False: 0, True: 0}
    for text in _documents(texts, split):
        held_out = hashlib.sha256(text.encode()).digest()[0] * validation_share < 256
        parts[held_out].add([tokenizer.document_token, *tokenizer.encode(text)])
        documents[held_out] += 1
    for held_out, part in parts.items():
        part.close()
        if not part.files:
            raise BadInput(f"no document fell to {part.name} among {sum(documents.values())}; give more of them, or "
                           f"another --validation")
        assert documents[held_out]
    sync_directory(str(out))
    about = {
        "tokenizer": tokenizer.name, "tokenizer_sha256": tokenizer.sha256, "vocabulary": tokenizer.vocabulary,
        "document_token": tokenizer.document_token,
        **{part.name: {"documents": documents[held_out], "shards": part.files} for held_out, part in parts.items()},
        "spec": {
            "model": {"vocab_size": -(-tokenizer.vocabulary // 128) * 128, "real_vocab": tokenizer.vocabulary},
            "data": {"corpus": "shards", "train": f"{out.name}/train_*.bin",
                     "validation": f"{out.name}/validation_*.bin", "tokenizer": tokenizer.sha256,
                     "document_token": tokenizer.document_token}},
    }
    write_atomic(str(out / PREPARED), json.dumps(about, indent=1, sort_keys=True).encode() + b"\n")
    return about


def _documents(texts: Sequence[Path], split: str | None) -> Iterator[str]:
    for path in texts:
        try:
            whole = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path} cannot be read as UTF-8 text: {error}") from None
        lines = [] if split is None else whole.splitlines(keepends=True)
        pieces, begun = [], 0
        for number, line in enumerate(lines):
            if line.rstrip("\r\n") == split:
                pieces.append("".join(lines[begun:number]))
                begun = number + 1
        pieces.append("".join(lines[begun:]) if split is not None else whole)
        yield from (piece for piece in pieces if piece.strip())


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker.trainer.data_prepare", allow_abbrev=False,
                                     description="Make token shards of text files.")
    parser.add_argument("texts", nargs="+", type=Path, metavar="TEXT")
    parser.add_argument("--out", required=True, type=Path, help="a new directory, usually ROOT/data/NAME")
    parser.add_argument("--tokenizer", default=BYTES, help="'bytes', or the path of a tokenizer.json or *.tiktoken")
    parser.add_argument("--split", metavar="LINE", help="this line stands between two documents of a file")
    parser.add_argument("--validation", type=int, default=20, metavar="N", help="one document in N is for validation")
    parser.add_argument("--shard-tokens", type=int, default=100_000_000, metavar="N")
    asked = parser.parse_args(argv)
    if min(asked.validation, asked.shard_tokens) < 1:
        parser.error("--validation and --shard-tokens count from 1")
    try:
        about = prepare(asked.texts, asked.out, open_tokenizer(asked.tokenizer), split=asked.split,
                        validation_share=asked.validation, shard_tokens=asked.shard_tokens)
    except TrainerError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    for part in ("train", "validation"):
        count = sum(shard["tokens"] for shard in about[part]["shards"])
        print(f"{part}: {about[part]['documents']} documents, {count} tokens in {len(about[part]['shards'])} shards")
    print(json.dumps(about["spec"], sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
