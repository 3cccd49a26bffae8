"""Rules of making token shards of text files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestrator.wire.spec import Spec
from tests.unit.trainer_kit import merged, parsed, spec_of
from worker.trainer.data import open_corpus
from worker.trainer.data_prepare import main
from worker.trainer.shards import open_shard
from worker.trainer.tokenizers import open_tokenizer

pytestmark = pytest.mark.torch


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    """Two files of many short documents."""
    found = []
    for part in range(2):
        path = tmp_path / f"{part}.txt"
        path.write_text("".join(f"Document {part}-{n}: naïve façade.\n---\n" for n in range(60)), encoding="utf-8")
        found.append(str(path))
    return found


def made(texts: list[str], out: Path, *more: str) -> dict[str, object]:
    assert main([*texts, "--out", str(out), "--split=---", *more]) == 0
    read: dict[str, object] = json.loads((out / "prepared.json").read_bytes())
    return read


def documents(out: Path, part: str) -> list[str]:
    """The text of each document of a part, read back from its shards."""
    tokens = np.concatenate([open_shard(path) for path in sorted(out.glob(f"{part}_*.bin"))])
    assert tokens[0] == 256
    return [bytes(piece[1:].astype(np.uint8)).decode() for piece in np.split(tokens, np.flatnonzero(tokens == 256)[1:])]


def test_every_document_is_in_one_part_behind_its_document_token(texts: list[str], tmp_path: Path) -> None:
    out = tmp_path / "data" / "mine"
    made(texts, out, "--shard-tokens", "700")
    train, validation = documents(out, "train"), documents(out, "validation")
    assert sorted(train + validation) == sorted(f"Document {p}-{n}: naïve façade.\n" for p in range(2)
                                                for n in range(60))
    assert 0 < len(validation) < 20
    sizes = [len(open_shard(path)) for path in sorted(out.glob("train_*.bin"))]
    assert len(sizes) > 2
    assert set(sizes[:-1]) == {700}


def test_a_document_stays_on_its_side_when_others_come(texts: list[str], tmp_path: Path) -> None:
    made(texts, tmp_path / "both")
    made(texts[:1], tmp_path / "one")
    assert set(documents(tmp_path / "one", "validation")) <= set(documents(tmp_path / "both", "validation"))


def test_the_lines_for_a_campaign_train_on_the_shards(texts: list[str], tmp_path: Path) -> None:
    about = made(texts, tmp_path / "data" / "mine")
    spec = spec_of(merged({"data": {"sequence_length": 16}}, about["spec"]))  # type: ignore[dict-item]
    assert isinstance(spec, Spec)
    corpus = open_corpus(tmp_path, parsed(spec).data, spec.model.real_vocab or 0)
    assert set(corpus.batch(0, 0, 8, 16)[:, 0]) == {256}
    assert spec.data.tokenizer == about["tokenizer_sha256"] == open_tokenizer("bytes").sha256


@pytest.mark.parametrize(("change", "code", "words"), [
    (["--tokenizer", "nothing.json"], 10, "expected 'bytes' or the path of a tokenizer.json"),
    (["--tokenizer", "{out}/old.bin"], 10, "a tokenizer's file ends with .json or .tiktoken"),
    (["--out", "{out}"], 10, "is not empty"),
    (["--validation", "1"], 10, "no document fell to train"),
])
def test_what_cannot_be_prepared_is_refused_with_the_next_step(
        texts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], code: int,
        words: str) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "old.bin").write_bytes(b"old")
    asked = [word.format(out=full) for word in change]
    assert main([*texts, "--out", str(tmp_path / "new"), *asked]) == code
    assert words in capsys.readouterr().err


def test_a_file_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    assert main([str(tmp_path / "binary.txt"), "--out", str(tmp_path / "out")]) == 10
    assert "binary.txt cannot be read as UTF-8 text" in capsys.readouterr().err
