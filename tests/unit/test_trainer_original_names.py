"""Rules of the original trainer's environment names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.wire.spec import ModelSpec, Spec, spec_bytes
from tests.unit.trainer_kit import KD, merged
from worker.trainer.errors import BadInput
from worker.trainer.original_names import TABLE, from_environment, main, to_environment

NAMES = {
    "KD_ENABLED", "KD_TEACHER_BENCH_ONLY", "KD_RANDOM_MODEL_TEACHER", "KD_TEACHER_NUM_LAYERS", "KD_TEACHER_NUM_HEADS",
    "KD_TEACHER_HEAD_DIM", "KD_TEACHER_MODEL_DIM", "KD_COMPILE_TEACHER", "KD_TEACHER_FORCE_SDPA",
    "KD_SOFT_LOSS_TOKEN_CHUNK", "KD_SOFT_LOSS_TOPK", "KD_SOFT_LOSS_TOKEN_STRIDE", "KD_APPLY_EVERY_STEPS",
    "KD_MICROBATCHES_PER_STEP", "KD_STOP_MODE", "KD_STOP_MARGIN", "KD_STOP_MIN_STEP", "KD_LR_BOOST_MULT",
    "KD_LR_BOOST_HOLD_FRAC", "KD_LR_BOOST_DROP_TO_BASE_FRAC", "MODEL_NUM_LAYERS", "MODEL_NUM_HEADS", "MODEL_HEAD_DIM",
    "MODEL_DIM", "BIGRAM_VOCAB_SIZE", "REQUIRE_FLASH_ATTN", "DISABLE_COMPILE", "SKIP_WARMUP",
    "NUM_SCHEDULED_ITERATIONS", "VAL_LOSS_EVERY",
}

GATED = {"trunk": "gated", "bigram_vocab_size": 2}
SPARSE: dict[str, Any] = {"token_chunk": 1024, "divergence": "topk", "topk": 256, "token_stride": 2, "apply_every": 2,
                          "microbatches": 1, "compile_teacher": True, "teacher_sdpa": True,
                          "stop": {"mode": "never", "margin": 0.1, "min_step": 50}}
RANDOM = {"teacher": None, "random_teacher": {"layers": 3, "heads": 6, "head_dim": 128, "model_dim": 768,
                                              "bigram_vocab_size": 2, "trunk": "gated"}}
SPECS: dict[str, dict[str, Any]] = {
    "ce": {"horizon": 1515, "validation": {"every": 50}, "compile": True},
    "kd": merged(KD, {"model": GATED, "schedule": {"boost": 2.5, "hold": 0.15, "drop_to_base": 0.3}}),
    "sparse": merged(KD, {"kd": SPARSE, "attention": {"require_flash": True}, "measure": {"warmup": "off"}}),
    "teacher only": {"mode": "teacher_only", "model": GATED, "kd": RANDOM},
    "random teacher": {"mode": "kd", "model": {**GATED, "layers": 11}, "kd": RANDOM},
}


def written(part: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(spec_bytes(Spec.model_validate(part)))
    return body


def test_the_table_has_every_name_of_the_original_once() -> None:
    assert sorted(row.name for row in TABLE) == sorted(NAMES)


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_comes_back_from_its_names(name: str) -> None:
    part = SPECS[name]
    spec = written(part)
    names = to_environment(spec)
    said = from_environment(names)
    blank = {"horizon": 3, **({"kd": {"teacher": part["kd"].get("teacher")}} if "kd" in part else {})}
    again = written(merged({"mode": spec["mode"]}, blank, said))
    assert to_environment(again) == names
    assert again == spec


def test_the_values_are_what_the_original_reads() -> None:
    names = to_environment(written(SPECS["sparse"]), teacher={"layers": 3, "heads": 6, "head_dim": 128,
                                                              "model_dim": 768})
    assert names["KD_ENABLED"] == names["KD_TEACHER_FORCE_SDPA"] == names["REQUIRE_FLASH_ATTN"] == "1"
    assert names["SKIP_WARMUP"] == names["DISABLE_COMPILE"] == "1"
    assert (names["KD_SOFT_LOSS_TOPK"], names["KD_SOFT_LOSS_TOKEN_CHUNK"], names["KD_STOP_MARGIN"]) == (
        "256", "1024", "0.1")
    assert names["KD_TEACHER_NUM_LAYERS"] == "3"
    assert set(names) == NAMES
    assert set(to_environment(written(SPECS["ce"]))) == {
        n for n in NAMES if not n.startswith("KD_")} | {"KD_ENABLED", "KD_TEACHER_BENCH_ONLY", "KD_LR_BOOST_MULT",
                                                        "KD_LR_BOOST_HOLD_FRAC", "KD_LR_BOOST_DROP_TO_BASE_FRAC"}


@pytest.mark.parametrize(("environment", "words"), [
    ({"KD_STOP_MARGIN": "wide"}, "KD_STOP_MARGIN='wide'"),
    ({"KD_ENABLED": "perhaps"}, "KD_ENABLED='perhaps': expected 0 or 1"),
    ({"KD_SOFT_LOSS_TOPQ": "3"}, "KD_SOFT_LOSS_TOPQ: the original trainer's names do not include it"),
])
def test_a_name_or_a_value_that_is_a_mistake_is_refused(environment: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        from_environment(environment)


@pytest.mark.parametrize("part", [
    merged(KD, {"mode": "infer_only"}), merged(KD, {"kd": {"divergence": "sampled"}}),
    merged(KD, {"kd": {"divergence": "topk", "teacher_logits": "cached"}})])
def test_what_the_original_cannot_do_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="the original"):
        to_environment(written(part))


def test_a_random_teacher_may_be_all_that_an_environment_asks_for() -> None:
    assert from_environment({"KD_RANDOM_MODEL_TEACHER": "1"}) == {"kd": {"random_teacher": {}}}
    assert from_environment({"KD_RANDOM_MODEL_TEACHER": "1", "KD_ENABLED": "0"}) == {"mode": "ce"}


def test_a_hosts_own_commands_are_found_by_their_words(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "worker", *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, cwd=Path(__file__).parents[2])

    (tmp_path / "texts").write_text("\n%\n".join(["one", "two", "three", "four", "five", "six"]))
    made = run("data", "prepare", "--out", str(tmp_path / "made"), "--split", "%", "--validation", "2",
               str(tmp_path / "texts"))
    assert (made.returncode, made.stderr) == (0, "")
    assert (tmp_path / "made" / "prepared.json").exists()
    assert run("original-names", str(tmp_path / "none.json")).returncode == 10
    lost = run("data", "prepar")
    assert lost.returncode == 2
    assert "python -m worker data prepare --help" in lost.stderr


def test_both_ways_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(spec_bytes(Spec.model_validate(SPECS["kd"])))
    assert main([str(path)]) == 10
    assert "name that with --teacher" in capsys.readouterr().err, "or the teacher would be the original's own"
    checkpoint, shape = tmp_path / "best.safetensors", ModelSpec(layers=3).model_dump(mode="json")
    header = json.dumps({"__metadata__": {"kdorch": json.dumps({"model": shape})}}).encode()
    checkpoint.write_bytes(len(header).to_bytes(8, "little") + header)
    assert main([str(path), "--teacher", str(path)]) == 10
    assert "is not a checkpoint to learn from" in capsys.readouterr().err
    assert main([str(path), "--teacher", str(checkpoint)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"KD_LR_BOOST_MULT=2.5", "KD_TEACHER_NUM_LAYERS=3"} <= set(lines)
    for line in lines:
        monkeypatch.setenv(*line.split("=", 1))
    assert main(["--spec"]) == 0
    assert json.loads(capsys.readouterr().out)["schedule"] == {"boost": 2.5, "hold": 0.15, "drop_to_base": 0.3}
    assert main([str(tmp_path / "none.json")]) == 10
