"""Evidence that does not match its seal is refused by name, nothing is lost, and the true files still count."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts


def flip_a_byte(attempt: Path) -> None:
    data = bytearray((attempt / "train.log").read_bytes())
    data[len(data) // 2] ^= 1
    (attempt / "train.log").write_bytes(bytes(data))


def remove_status(attempt: Path) -> None:
    (attempt / "status.json").unlink()


def forge(attempt: Path, change: Callable[[dict], None]) -> None:
    """Change the manifest and make the seal agree with it."""
    manifest = json.loads((attempt / "manifest.json").read_text())
    change(manifest)
    data = (json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n").encode()
    (attempt / "manifest.json").write_bytes(data)
    seal = json.loads((attempt / "exit.json").read_text())
    seal["manifest_sha256"] = hashlib.sha256(data).hexdigest()
    (attempt / "exit.json").write_text(json.dumps(seal))


def escape(attempt: Path) -> None:
    forge(attempt, lambda m: m["subject"][0].update(name="../../../outside.txt"))


def oversize(attempt: Path) -> None:
    def change(manifest: dict) -> None:
        entry = next(s for s in manifest["subject"] if s["name"] == "status.json")
        entry["annotations"]["size_bytes"] = 1 << 40

    forge(attempt, change)


def of_another_run(attempt: Path) -> None:
    forge(attempt, lambda m: m["predicate"]["buildDefinition"]["externalParameters"].update(run_id="0" * 64))


def replace_manifest(attempt: Path) -> None:
    data = (attempt / "manifest.json").read_text()
    (attempt / "manifest.json").write_text(data + " ")


@pytest.mark.parametrize(("harm", "named"), [
    (flip_a_byte, "train.log"), (remove_status, "status.json"), (escape, "outside.txt"), (oversize, "status.json"),
    (of_another_run, "run_id"), (replace_manifest, "manifest.json"),
], ids=["flipped-byte", "missing-file", "path-escapes", "oversized", "another-run", "manifest-altered"])
def test_refused_by_name_and_collected_once_it_is_right_again(sealed: Laptop, harm: Callable[[Path], None],
                                                             named: str) -> None:
    laptop, attempt = sealed, next(attempts(sealed.home / "host"))
    run_id = attempt.parents[1].name
    kept = laptop.cwd / "kept"
    shutil.copytree(attempt, kept)
    harm(attempt)
    told = laptop.run("watch", run_id[:12]).stderr.decode()
    assert "refused" in told
    assert named in told
    row = next(r for r in laptop.rows() if r["run_id"] == run_id)
    assert (row["state"], row["verdict"]) == ("collecting", None)
    assert not (laptop.home / "evidence" / run_id / "1").exists()
    assert not (laptop.cwd.parent / "outside.txt").exists()

    shutil.rmtree(attempt)
    shutil.copytree(kept, attempt)
    laptop.run("watch", run_id[:12])
    row = next(r for r in laptop.rows() if r["run_id"] == run_id)
    assert (row["state"], row["status"]) == ("finished", "baseline")


def test_derived_files_are_pure_functions_of_the_log(sealed: Laptop) -> None:
    from orchestrator.dispatch.collect import write_derived
    from orchestrator.wire.trainlog import parse_log

    laptop, attempt = sealed, next(attempts(sealed.home / "host"))
    run_id = attempt.parents[1].name
    laptop.run("watch", run_id[:12])
    evidence = laptop.home / "evidence" / run_id / "1"
    again = laptop.cwd / "again"
    write_derived(parse_log((evidence / "train.log").read_bytes()), again)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {
        p.name: p.read_bytes() for p in (evidence / "derived").iterdir()}
    assert "summary.csv" in {p.name for p in again.iterdir()}
