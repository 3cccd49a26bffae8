"""Manifests are signed by the real ``ssh-keygen`` with a person's key, and ``ledger verify`` checks whose it was."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli.verify import EXIT_DISAGREES
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.signing import SIGNATURE
from tests.e2e.kdorch import Laptop
from tests.integration.test_ledger_host_anchors import CAMPAIGN

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen (openssh-client)")
ADA = "ada@h100.example"


def key(directory: Path, name: str, passphrase: str = "") -> Path:
    directory.mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(directory / name)],
                   check=True)
    return directory / name


def allowed(path: Path, *keys: Path) -> Path:
    path.write_text("".join(f"{ADA} namespaces=\"kdorch\" {k.with_suffix('.pub').read_text()}" for k in keys))
    return path


@pytest.fixture
def laptop(proof: Home, tmp_path: Path) -> Laptop:
    shutil.copytree(proof.root, tmp_path / "laptop" / ".kdorch")
    return Laptop(tmp_path / "laptop")


def manifests(laptop: Laptop) -> list[Path]:
    return sorted((laptop.home / "evidence").glob("*/*/manifest.json"))


def disagreements(laptop: Laptop, *arguments: str) -> list[tuple[str, str, str]]:
    told = json.loads(laptop.run("ledger", "verify", "--fast", "--json", *arguments, code=EXIT_DISAGREES).stdout)
    return [(d["kind"], d["where"], d["what"]) for d in told["disagreements"]]


def test_what_is_signed_verifies_and_anyone_can_check_it(laptop: Laptop, tmp_path: Path) -> None:
    mine = key(tmp_path / "keys", "mine")
    known = allowed(tmp_path / "allowed", mine)
    assert {kind for kind, _, _ in disagreements(laptop, "--signed")} == {"signature"}
    said = laptop.run("ledger", "sign", "--key", str(mine)).stderr
    assert f"{len(manifests(laptop))} manifests signed, 0 were signed already".encode() in said
    before = {p: p.with_name(SIGNATURE).read_bytes() for p in manifests(laptop)}
    assert b"0 manifests signed" in laptop.run("ledger", "sign", "--key", str(mine)).stderr
    assert {p: p.with_name(SIGNATURE).read_bytes() for p in manifests(laptop)} == before
    assert f"{len(before)} signatures".encode() in laptop.run(
        "ledger", "verify", "--fast", "--signed", "--allowed-signers", str(known)).stderr
    one = manifests(laptop)[0]
    subprocess.run(["ssh-keygen", "-Y", "verify", "-f", str(known), "-I", ADA, "-n", "kdorch", "-s",
                    str(one.with_name(SIGNATURE))], input=one.read_bytes(), check=True, capture_output=True)


def test_a_signature_that_is_gone_foreign_or_of_something_else_is_found(laptop: Laptop, tmp_path: Path) -> None:
    mine, stranger = key(tmp_path / "keys", "mine"), key(tmp_path / "keys", "stranger")
    known = ("--allowed-signers", str(allowed(tmp_path / "allowed", mine)))
    laptop.run("ledger", "sign", "--key", str(mine))
    gone, foreign, swapped, broken, *_ = [p.with_name(SIGNATURE) for p in manifests(laptop)]
    swapped.write_bytes(gone.read_bytes())
    gone.unlink()
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(stranger), "-n", "kdorch"], check=True,
                   input=foreign.with_name("manifest.json").read_bytes(), stdout=foreign.open("wb"))
    broken.write_bytes(broken.read_bytes()[:-60] + b"\n")
    found = {where: what for kind, where, what in disagreements(laptop, "--signed", *known) if kind == "signature"}
    assert set(found) == {str(gone.with_name("manifest.json")), str(foreign), str(swapped), str(broken)}
    assert found[str(gone.with_name("manifest.json"))] == "is not signed"
    assert "made by a key that" in found[str(foreign)]
    assert "is no signature of this manifest" in found[str(swapped)]
    assert {where for _, where, _ in disagreements(laptop)} == {str(swapped), str(broken)}  # by anyone's key


def test_evidence_is_signed_as_it_is_collected_and_a_key_that_fails_costs_no_run(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path / "laptop")
    laptop.home.mkdir(parents=True)
    (laptop.cwd / "anchored.yaml").write_text(CAMPAIGN)
    locked = key(tmp_path / "keys", "locked", passphrase="not told to anyone")
    mine = key(tmp_path / "keys", "mine")
    config = laptop.home / "config.yaml"
    config.write_text(f"signing_key: {locked}\n")
    said = laptop.run("campaign", "launch", "anchored.yaml").stderr
    assert said.count(b"evidence stays unsigned") == 1
    assert [row["status"] for row in laptop.rows()] == ["baseline", "baseline"]
    assert not [p for p in manifests(laptop) if p.with_name(SIGNATURE).exists()]
    config.write_text(f"signing_key: {mine}\nallowed_signers: {allowed(tmp_path / 'allowed', mine)}\n")
    (laptop.cwd / "more.yaml").write_text(CAMPAIGN.replace("campaign: anchored", "campaign: more").replace(
        "seed: [0, 1]", "seed: [2, 3]"))
    laptop.run("campaign", "launch", "more.yaml")
    signed = [p for p in manifests(laptop) if p.with_name(SIGNATURE).exists()]
    assert (len(signed), len(manifests(laptop))) == (2, 4)
    assert b"2 manifests signed, 2 were signed already" in laptop.run("ledger", "sign").stderr
    assert b"everything agrees" in laptop.run("ledger", "verify", "--signed").stderr


def test_without_a_key_the_command_says_where_to_name_one(laptop: Laptop, tmp_path: Path) -> None:
    assert b"no key to sign with" in laptop.run("ledger", "sign", code=2).stderr
    assert b"there is no such key" in laptop.run("ledger", "sign", "--key", str(tmp_path / "nowhere"), code=2).stderr
