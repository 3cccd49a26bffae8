"""Tokenizers that are found on this machine; nothing is ever downloaded.

Bytes need nothing. A file of another is read with its library, where that is installed: ``tokenizer.json`` with
``tokenizers``, ``*.tiktoken`` (base64 and rank on each line, split as GPT-2 does) with ``tiktoken``.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.trainer.errors import BackendMissing, BadInput

BYTES = "bytes"
END_OF_TEXT = "<|endoftext|>"
GPT2_SPLIT = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


@dataclass(frozen=True)
class Tokenizer:
    """``document_token`` goes before each document; ``sha256`` tells tokenizers apart, and is the spec's
    ``data.tokenizer``."""

    name: str
    encode: Callable[[str], Sequence[int]]
    vocabulary: int
    document_token: int
    sha256: str


def open_tokenizer(what: str) -> Tokenizer:
    """``bytes``, or the path of a tokenizer's file.

    Raises :class:`BadInput` for a file that is none, :class:`BackendMissing` where its library is not installed.
    """
    if what == BYTES:
        return Tokenizer(BYTES, lambda text: text.encode(), 257, 256, hashlib.sha256(b"utf-8 bytes, 256").hexdigest())
    path = Path(what)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"--tokenizer {what}: expected '{BYTES}' or the path of a tokenizer.json or a *.tiktoken: "
                       f"{error}") from None
    library = {".json": "tokenizers", ".tiktoken": "tiktoken"}.get(path.suffix)
    if library is None:
        raise BadInput(f"--tokenizer {what}: a tokenizer's file ends with .json or .tiktoken")
    try:
        module: Any = importlib.import_module(library)
    except ImportError:
        raise BackendMissing(f"--tokenizer {what} is read with {library}, which is not installed here; install it, or "
                             f"use --tokenizer {BYTES}") from None
    try:
        return (_from_json if library == "tokenizers" else _from_tiktoken)(module, path, digest)
    except Exception as error:  # each library has errors of its own
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"--tokenizer {what}: {library} cannot read it: {error}") from None


def _from_json(module: Any, path: Path, digest: str) -> Tokenizer:
    read = module.Tokenizer.from_file(str(path))
    end = next((token for token in (read.token_to_id(name) for name in (END_OF_TEXT, "<s>", "<|bos|>"))
                if token is not None), None)
    if end is None:
        raise BadInput(f"--tokenizer {path}: it has no {END_OF_TEXT}, <s> or <|bos|> to begin documents with")

    def encode(text: str) -> Sequence[int]:
        ids: Sequence[int] = read.encode(text, add_special_tokens=False).ids
        return ids

    return Tokenizer(path.name, encode, read.get_vocab_size(), end, digest)


def _from_tiktoken(module: Any, path: Path, digest: str) -> Tokenizer:
    ranks = importlib.import_module("tiktoken.load").load_tiktoken_bpe(str(path))
    end = len(ranks)
    read = module.Encoding(name=path.stem, pat_str=GPT2_SPLIT, mergeable_ranks=ranks, special_tokens={END_OF_TEXT: end})
    return Tokenizer(path.name, read.encode_ordinary, end + 1, end, digest)
