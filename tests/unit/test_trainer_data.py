"""Rules of shards, of the standard-library corpus and of batches."""

from __future__ import annotations

import os
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.unit.trainer_kit import parsed, place_shards, spec_of
from worker.trainer.data import Corpus, open_corpus
from worker.trainer.errors import BadInput
from worker.trainer.prefetch import Ahead
from worker.trainer.shards import HEADER_BYTES, MAGIC, open_shard, write_shard
from worker.trainer.spec import DataSpec
from worker.trainer.stdlib_corpus import LEFT_OUT, standard_library_shards

pytestmark = pytest.mark.torch

STDLIB = DataSpec(corpus="python-stdlib", train=None, validation=None, sha256=None, tokenizer=None, sequence_length=64,
                  batch_sequences=16, microbatch_sequences=None)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    write_shard(path, np.arange(100, dtype=np.uint16))
    return path


def small(root: Path, **data: object) -> Corpus:
    return open_corpus(root, parsed(spec_of({"data": data})).data, 32)


def test_a_shard_is_laid_out_as_modded_nanogpt_reads_it(shard: Path) -> None:
    data = shard.read_bytes()
    assert len(data) == 1024 + 200
    assert [int.from_bytes(data[i:i + 4], "little") for i in (0, 4, 8, 12)] == [20240520, 1, 100, 0]
    assert [int.from_bytes(data[i:i + 2], "little") for i in (1024, 1026, 1222)] == [0, 1, 99]
    assert open_shard(shard).tolist() == list(range(100))


def with_header(shard: Path, place: int, value: int) -> None:
    data = bytearray(shard.read_bytes())
    data[4 * place:4 * place + 4] = value.to_bytes(4, "little")
    shard.write_bytes(data)


@pytest.mark.parametrize(("place", "value", "words"), [
    (0, 20240521, f"magic 20240521 is not {MAGIC}"),
    (1, 2, "shard version 2 is unknown"),
    (2, 101, r"the header says 101 tokens \(byte 8\), the file holds 100"),
    (2, 0, "the header says 0 tokens"),
])
def test_a_wrong_header_is_refused_by_name(shard: Path, place: int, value: int, words: str) -> None:
    with_header(shard, place, value)
    with pytest.raises(BadInput, match=words) as refused:
        open_shard(shard)
    assert str(shard) in str(refused.value)


@pytest.mark.parametrize("size", [0, HEADER_BYTES - 1, HEADER_BYTES + 199])
def test_a_truncated_shard_is_refused(shard: Path, size: int) -> None:
    shard.write_bytes(shard.read_bytes()[:size])
    with pytest.raises(BadInput, match=r"a\.bin"):
        open_shard(shard)


def test_a_token_beyond_the_vocabulary_is_refused_with_its_place(tmp_path: Path) -> None:
    place_shards(tmp_path)
    tokens = np.zeros(500, dtype=np.uint16)
    tokens[321] = 32
    write_shard(tmp_path / "data" / "train-1.bin", tokens)
    with pytest.raises(BadInput, match=r"train-1\.bin: token 321 is 32; the vocabulary has 32 \(byte 1666\)"):
        small(tmp_path)


def test_shards_that_are_missing_short_or_others_than_asked_for_are_refused(tmp_path: Path) -> None:
    place_shards(tmp_path)
    with pytest.raises(BadInput, match=r"no token shard matches 'nothing-\*\.bin'"):
        small(tmp_path, train="nothing-*.bin")
    with pytest.raises(BadInput, match=r"val\.bin: 1000 tokens; a sequence with its targets takes 1001"):
        small(tmp_path, sequence_length=1000)
    with pytest.raises(BadInput, match="the spec asks for the corpus with digest aaaa"):
        small(tmp_path, sha256="a" * 64)
    assert small(tmp_path, sha256=small(tmp_path).sha256).sha256 == small(tmp_path).sha256


def test_the_digest_sees_every_token_and_what_it_is_for(tmp_path: Path) -> None:
    place_shards(tmp_path)
    digests = {small(tmp_path).sha256, small(tmp_path, train="train-0.bin").sha256,
               small(tmp_path, train="train-0.bin", validation="train-1.bin").sha256,
               small(tmp_path, train="train-1.bin", validation="train-0.bin").sha256}
    changed = np.array(open_shard(tmp_path / "data" / "train-0.bin"))
    changed[-1] ^= 1
    write_shard(tmp_path / "data" / "train-0.bin", changed)
    assert len(digests | {small(tmp_path).sha256}) == 5


def test_a_shard_is_read_again_only_where_its_file_changed(tmp_path: Path) -> None:
    place_shards(tmp_path)
    path = tmp_path / "data" / "train-0.bin"
    before, facts = small(tmp_path).sha256, path.stat()
    with path.open("r+b") as shard:
        shard.seek(HEADER_BYTES)
        shard.write(b"\x1f\x00")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert small(tmp_path).sha256 == before, "nobody looked"
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    after = small(tmp_path).sha256
    assert after != before
    for note in (tmp_path / "cache" / "shard-digests").iterdir():
        note.write_text("{")
    assert small(tmp_path).sha256 == after, "a note that does not read is made anew"
    with pytest.raises(BadInput, match="the vocabulary has 16"):
        open_corpus(tmp_path, parsed(spec_of()).data, 16)


def test_a_batch_is_a_pure_function_of_seed_and_step(tmp_path: Path) -> None:
    place_shards(tmp_path)
    one, other = small(tmp_path), small(tmp_path)
    first = one.batch(3, 5, 4, 12)
    one.batch(3, 6, 4, 12)
    assert np.array_equal(one.batch(3, 5, 4, 12), first)
    assert np.array_equal(other.batch(3, 5, 4, 12), first)
    assert not np.array_equal(one.batch(3, 6, 4, 12), first)
    assert not np.array_equal(one.batch(4, 5, 4, 12), first)


def test_batches_are_windows_of_one_shard_each_and_reach_the_last_token(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name, tokens in (("train-0.bin", range(16)), ("train-1.bin", range(16, 32)), ("val.bin", range(20))):
        write_shard(data / name, np.array(tokens, dtype=np.uint16))
    corpus = small(tmp_path)
    rows = np.concatenate([corpus.batch(0, step, 4, 12) for step in range(50)])
    assert rows.shape == (200, 13)
    assert (np.diff(rows, axis=1) == 1).all()
    assert set(rows[:, 0]) == {0, 1, 2, 3, 16, 17, 18, 19}


def test_sequences_begin_at_documents_where_the_spec_says_so(tmp_path: Path) -> None:
    place_shards(tmp_path)
    corpus = small(tmp_path, document_token=12)
    rows = np.concatenate([corpus.batch(0, step, 4, 12) for step in range(30)])
    assert set(rows[:, 0]) == {12}
    assert np.array_equal(small(tmp_path, document_token=12).batch(0, 3, 4, 12), corpus.batch(0, 3, 4, 12))
    begins = {tuple(shard[at:at + 13]) for shard in corpus.train for at in np.flatnonzero(shard == 12)}
    assert {tuple(row) for row in rows} <= begins
    with pytest.raises(BadInput, match=r"data\.document_token is 999, and no training shard has it"):
        small(tmp_path, document_token=999)


def test_the_next_batch_is_read_ahead_and_is_the_one_that_would_be_read_then() -> None:
    asked: list[int] = []
    came = Event()

    def batch_of(step: int) -> Tensor:
        asked.append(step)
        if step == 5:
            raise BadInput("shard gone")
        if step == 1:
            came.set()
        return torch.tensor([step])

    ahead = Ahead(batch_of, lambda batch: batch * 10, last=5)
    assert ahead(0).tolist() == [0]
    assert came.wait(30)
    assert [ahead(step).item() for step in (1, 2, 3)] == [10, 20, 30]
    assert ahead(2).item() == 20, "a step that was not foreseen is read when it is asked for"
    assert ahead(4).item() == 40
    with pytest.raises(BadInput, match="shard gone"):
        ahead(5)
    assert max(asked) == 5


def test_validation_windows_are_spread_over_the_whole_corpus(tmp_path: Path) -> None:
    place_shards(tmp_path)
    corpus = small(tmp_path)
    tokens = corpus.validation[0].tolist()
    rows = corpus.validation_batch(4, 12)
    starts = [(2 * i + 1) * (1000 - 12) // 8 for i in range(4)]
    assert rows.tolist() == [tokens[s:s + 13] for s in starts]


def test_the_standard_library_corpus_is_built_once_and_is_the_same_every_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        places = set(pool.map(standard_library_shards, [tmp_path / "cache"] * 4))
    assert len(places) == 1
    assert len([p for p in (tmp_path / "cache").iterdir() if p.is_dir()]) == 1
    one, other = open_corpus(tmp_path, STDLIB, 256), open_corpus(tmp_path / "elsewhere", STDLIB, 256)
    assert one.sha256 == other.sha256
    train, validation = len(one.train[0]), len(one.validation[0])
    assert train > 4 * validation > 1_000_000


def test_the_standard_library_corpus_holds_the_library_and_nothing_installed(tmp_path: Path) -> None:
    place = standard_library_shards(tmp_path)
    library = Path(sysconfig.get_paths()["stdlib"])
    both = b"".join(open_shard(place / f"{part}.bin").astype(np.uint8).tobytes() for part in ("train", "validation"))
    assert (library / "argparse.py").read_bytes() in both
    assert (library / "json" / "decoder.py").read_bytes() in both
    assert Path(np.__file__).read_bytes() not in both
    assert not any((library / name / "__init__.py").is_file() and (library / name / "__init__.py").stat().st_size > 500
                   and (library / name / "__init__.py").read_bytes() in both for name in LEFT_OUT)


def test_what_a_killed_builder_left_does_not_disturb(tmp_path: Path) -> None:
    place = standard_library_shards(tmp_path / "one")
    left = tmp_path / "two" / f".{place.name}.building"
    left.mkdir(parents=True)
    (left / "train.bin").write_bytes(b"half")
    again = standard_library_shards(tmp_path / "two")
    assert (again / "train.bin").read_bytes() == (place / "train.bin").read_bytes()
    assert not left.exists()



def test_bytes_do_not_fit_a_smaller_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"train\.bin: token \d+ is \d+; the vocabulary has 32"):
        open_corpus(tmp_path, STDLIB, 32)
