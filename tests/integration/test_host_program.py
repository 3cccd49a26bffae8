"""The resident host program over real pipes: the contract's operations, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.wire.spec import run_id_of, spec_bytes
from tests.integration.supervised import HOST_PYTHON, PATIENCE_S, REPOSITORY, HostRoot, Placed, simulated_spec, wait_for


class Client:
    """The other end of the channel."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.program = subprocess.Popen([HOST_PYTHON, "-m", "worker.host", "--root", str(root)], cwd=REPOSITORY,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                        env={**os.environ, **environment})
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.input, self.output = self.program.stdin, self.program.stdout
        self._last = 0

    def ask(self, op: str, body: bytes = b"", **fields: Any) -> tuple[dict[str, Any], bytes]:
        self._last += 1
        self.send(json.dumps({"id": self._last, "op": op, "body_bytes": len(body), **fields}).encode() + b"\n" + body)
        header, data = self.receive()
        assert header["id"] == self._last
        return header, data

    def ok(self, op: str, body: bytes = b"", **fields: Any) -> dict[str, Any]:
        header, _ = self.ask(op, body, **fields)
        assert header["ok"] is True, header
        return header

    def error(self, op: str, body: bytes = b"", **fields: Any) -> str:
        header, data = self.ask(op, body, **fields)
        assert header["ok"] is False, header
        assert header["message"]
        assert data == b""
        return str(header["error"])

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self.input.write(view) or 0:]

    def receive(self) -> tuple[dict[str, Any], bytes]:
        header: dict[str, Any] = {"beat": None}
        while "beat" in header:  # a long operation says that it goes on
            line = bytearray()
            while not line.endswith(b"\n"):
                line += self._piece(1)
            header = json.loads(line)
        body = bytearray()
        while len(body) < header["body_bytes"]:
            body += self._piece(header["body_bytes"] - len(body))
        return header, bytes(body)

    def _piece(self, size: int) -> bytes:
        assert select.select([self.output], [], [], PATIENCE_S)[0], "no answer"
        piece = self.output.read(size)
        assert piece, "the host program closed the channel"
        return bytes(piece)

    def close(self) -> int:
        self.input.close()
        self.output.close()
        return self.program.wait(PATIENCE_S)


@pytest.fixture
def client(host: HostRoot) -> Iterator[Client]:
    one = Client(host.path)
    yield one
    if one.program.poll() is None:
        assert one.close() == 0


def launches(*attempts: Placed) -> list[dict[str, Any]]:
    return [{"run_id": a.run_id, "attempt": a.number, "dispatch": a.digest} for a in attempts]


def of(attempt: Placed) -> dict[str, Any]:
    return {"run_id": attempt.run_id, "attempt": attempt.number}


def documents(**changed: Any) -> tuple[list[dict[str, Any]], bytes]:
    """A dispatch document and a spec as a ``place`` request carries them; the spec's entry is ``changed``."""
    spec = simulated_spec()
    first, second = b'{"contract":"v1"}\n', spec_bytes(spec)
    run_id, digest = run_id_of(spec), hashlib.sha256(first).hexdigest()
    listed: list[dict[str, Any]] = [
        {"path": f"runs/{run_id}/dispatch/{digest}.json", "sha256": digest, "size": len(first)},
        {"path": f"runs/{run_id}/spec.json", "sha256": run_id, "size": len(second)},
    ]
    listed[1].update(changed)
    return listed, first + second


def test_hello_says_who_answers(client: Client, host: HostRoot) -> None:
    answer = client.ok("hello")
    assert answer["contract"] == "v1"
    assert answer["root"] == str(host.path)
    assert answer["pid"] == client.program.pid
    assert answer["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert set(client.ok("ping")) == {"id", "ok", "body_bytes"}


def test_a_root_keeps_the_name_that_it_was_given(client: Client, host: HostRoot, tmp_path: Path) -> None:
    name = client.ok("hello")["root_id"]
    again, other = Client(host.path), Client(tmp_path / "never used")
    try:
        assert again.ok("hello")["root_id"] == name
        assert other.ok("hello")["root_id"] not in (name, None)
        (host.path / "root-id").write_text("mine\n")
        assert again.ok("hello")["root_id"] is None, "what cannot be a name is none"
    finally:
        again.close()
        other.close()


def test_place_launch_follow_and_read_a_run_over_one_channel(client: Client, host: HostRoot) -> None:
    attempt = host.place(simulated_spec(real_step_ms=5))
    placed = {p: p.read_bytes() for p in (host.path / "runs" / attempt.run_id).rglob("*.json")}
    elsewhere = HostRoot(host.path.parent / "other")
    elsewhere.path.mkdir()
    other = Client(elsewhere.path)
    try:
        listed = [{"path": str(p.relative_to(host.path)), "sha256": hashlib.sha256(d).hexdigest(), "size": len(d)}
                  for p, d in placed.items()]
        assert other.ok("place", b"".join(placed.values()), documents=listed)["placed"] == 2
        again = other.ok("place", b"".join(placed.values()), documents=listed)
        assert (again["placed"], again["kept"]) == (0, 2)
        assert other.ok("launch", launches=launches(attempt))["results"][0]["result"] == "started"
        assert other.ok("launch", launches=launches(attempt))["results"][0]["result"] == "exists"
        log = b""
        state = "waiting"
        while True:
            header, body = other.ask("tail", wait_s=20, limit=1 << 20,
                                     files=[{**of(attempt), "path": "train.log", "offset": len(log), "state": state}])
            for frame in header["frames"]:
                assert (frame["run_id"], frame["attempt"], frame["offset"]) == (attempt.run_id, 1, len(log))
                log += body[:frame["bytes"]]
            observation = header["observations"][0]
            state = observation["state"]
            if state == "sealed" and len(log) == observation["exit"]["train_log_bytes"]:
                break
        assert log.endswith(b"run_end step:50 reason:horizon\ntrainer_exit code=0\n")
        header, whole = other.ask("read", **of(attempt), path="train.log", offset=0, limit=1 << 20)
        assert (whole, header["size"], header["eof"]) == (log, len(log), True)
        header, part = other.ask("read", **of(attempt), path="checkpoints/best.bin", offset=1, limit=5)
        assert (len(part), header["eof"]) == (5, False)
    finally:
        other.close()
        elsewhere.close()


@pytest.mark.parametrize("path", [
    "", "/etc/passwd", "../../../spec.json", "checkpoints/../../x", "./train.log", "a//b", "link", "dirlink/passwd",
    "checkpoints", "pipe", "train.log/x", "train.log\0", "a" * 2000,
])
def test_read_serves_nothing_but_regular_files_of_the_attempt(client: Client, host: HostRoot, path: str) -> None:
    attempt = host.place()
    directory = Path(attempt.directory.path)
    (directory / "checkpoints").mkdir(parents=True)
    (directory / "train.log").write_text("x")
    (directory / "link").symlink_to("/etc/passwd")
    (directory / "dirlink").symlink_to("/etc")
    os.mkfifo(directory / "pipe")
    assert client.error("read", **of(attempt), path=path, offset=0, limit=10) == "refused_path"
    (directory / "train.log").unlink()
    tailed = [{**of(attempt), "path": path, "offset": 0}]
    header, body = client.ask("tail", files=tailed, wait_s=0, limit=10)
    assert body == b""
    assert header.get("frames", []) == []
    assert client.ok("ping")


@pytest.mark.parametrize(("change", "code"), [
    ({"run_id": "../x"}, "bad_request"), ({"run_id": None}, "bad_request"), ({"attempt": 0}, "bad_request"),
    ({"attempt": "1/../2"}, "bad_request"), ({"attempt": True}, "bad_request"), ({"offset": -1}, "bad_request"),
    ({"limit": "9"}, "bad_request"), ({"path": 5}, "bad_request"), ({"path": "no.such"}, "not_found"),
    ({"attempt": 9}, "not_found"),
])
def test_a_request_with_a_wrong_field_is_refused_and_the_channel_lives(client: Client, host: HostRoot,
                                                                      change: dict[str, Any], code: str) -> None:
    attempt = host.place()
    Path(attempt.directory.path).mkdir(parents=True)
    asked = {**of(attempt), "path": "train.log", "offset": 0, "limit": 10, **change}
    assert client.error("read", **asked) == code
    assert client.ok("ping")


@pytest.mark.parametrize(("line", "code"), [
    (b"\n", "bad_request"), (b"{\n", "bad_request"), (b"[]\n", "bad_request"), (b"\xff\xfe\n", "bad_request"),
    (b'{"id":1}\n', "unknown_op"), (b'{"id":1,"op":"reboot"}\n', "unknown_op"),
    (b'{"id":1,"op":"ping","body_bytes":-1}\n', "bad_request"),
    (b'{"id":1,"op":"ping","body_bytes":"x"}\n', "bad_request"),
    (b"[" * 100000 + b"\n", "bad_request"), (b"x" * (5 << 20) + b"\n", "too_large"),
    (b'{"id":1,"op":"ping","body_bytes":70000000}\n' + b"\0" * 70000000, "too_large"),
])
def test_a_broken_request_gets_an_error_and_the_next_one_its_answer(client: Client, line: bytes, code: str) -> None:
    client.send(line)
    header, _ = client.receive()
    assert (header["ok"], header["error"]) == (False, code)
    assert client.ok("ping")


def test_the_program_ends_when_its_input_does_even_within_a_body(client: Client) -> None:
    client.send(b'{"id":1,"op":"ping","body_bytes":100}\nhalf of it')
    assert client.close() == 0


def test_place_keeps_what_is_right_and_mends_what_is_not(client: Client, host: HostRoot) -> None:
    listed, body = documents()
    assert client.ok("place", body, documents=listed)["placed"] == 2
    target = host.path / listed[1]["path"]
    good = target.read_bytes()
    target.write_bytes(b"altered")
    answer = client.ok("place", body, documents=listed)
    assert (answer["placed"], answer["kept"]) == (1, 1)
    assert target.read_bytes() == good
    assert sorted(p.name for p in target.parent.iterdir()) == ["dispatch", "spec.json"]


@pytest.mark.parametrize(("changed", "code"), [
    ({"path": "bundles/x"}, "refused_path"), ({"path": f"runs/{'a' * 64}/../../x.json"}, "refused_path"),
    ({"path": f"/runs/{'a' * 64}/spec.json"}, "refused_path"),
    ({"path": f"runs/{'a' * 64}/spec.json\n"}, "refused_path"),
    ({"path": f"runs/{'a' * 64}/spec.json"}, "corrupt"), ({"sha256": "a" * 64}, "corrupt"), ({"size": 3}, "corrupt"),
    ({"size": 1 << 40}, "too_large"), ({"size": -3}, "bad_request"), ({"sha256": "zz"}, "bad_request"),
])
def test_place_takes_only_documents_that_are_named_by_their_content_and_all_or_none(
        client: Client, host: HostRoot, changed: dict[str, Any], code: str) -> None:
    listed, body = documents(**changed)
    assert client.error("place", body, documents=listed) == code
    assert list(host.path.iterdir()) == []


def test_launches_of_one_request_queue_in_its_order(client: Client, host: HostRoot) -> None:
    attempts = [host.place(simulated_spec(seed=s, horizon=5, every=5)) for s in range(6)]
    answer = client.ok("launch", launches=launches(*attempts))
    assert [r["result"] for r in answer["results"]] == ["started"] * 6
    began = [a.seal()["started_at"] for a in attempts]
    assert began == sorted(began)
    assert [r["result"] for r in client.ok("launch", launches=launches(*attempts))["results"]] == ["exists"] * 6


def test_one_attempt_twice_in_a_request_is_launched_once_and_at_once(client: Client, host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="hang", fault_step=1))
    first, second = client.ok("launch", launches=launches(attempt, attempt))["results"]
    assert (first["result"], first["detail"], second["result"]) == ("started", "claimed", "exists")


def test_a_claim_can_be_looked_at_without_being_made(client: Client, host: HostRoot) -> None:
    attempt, other = host.place(), host.place(deadline_s=7)

    def look(one: Placed) -> tuple[str, str]:
        result = client.ok("launch", launches=launches(one), start=False)["results"][0]
        return result["result"], result["detail"]

    assert look(attempt) == ("refused", "not claimed")
    assert not attempt.directory.exists()
    host.launch(attempt, crash_at="after_claim")
    attempt.until("claimed")
    assert look(attempt)[0] == "exists"
    assert attempt.state == "claimed"
    assert look(other)[0] == "conflict"


def test_probe_tells_what_can_be_proved(client: Client, host: HostRoot) -> None:
    running = host.place(simulated_spec(fault="hang", fault_step=1))
    waiting, absent = host.place(simulated_spec(seed=1)), host.place(simulated_spec(seed=2))
    host.launch(running)
    running.until("running")
    host.launch(waiting)
    seen = client.ok("probe", attempts=[of(a) for a in (running, waiting, absent)])["observations"]
    assert [o["state"] for o in seen] == ["running", "waiting", "absent"]
    assert seen[0]["started"]["trainer"]["pid"] > 0
    assert seen[1]["status"]["phase"] == "waiting"
    assert set(seen[2]) == {"run_id", "attempt", "state", "exit", "status", "started", "boot_id", "train_log_bytes"}
    client.ok("stop", **of(running), reason="go elsewhere", only_waiting=True)
    assert not running.file("stop.request").exists()
    client.ok("stop", **of(waiting), reason="no more")
    client.ok("stop", **of(running), reason="no more")
    client.ok("stop", **of(running), reason="again")
    assert [a.seal()["reason"] for a in (waiting, running)] == ["no more", "no more"]
    client.ok("stop", **of(running), reason="after the seal")
    assert client.error("stop", **of(absent), reason="x") == "not_found"


def test_a_tail_ends_early_when_the_state_is_not_the_known_one(client: Client, host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="hang", fault_step=1))
    host.launch(attempt)
    wait_for(lambda: attempt.starts, "the trainer's first line")
    size = attempt.file("train.log").stat().st_size
    asked = {**of(attempt), "path": "train.log", "offset": size + 1000}
    header, _ = client.ask("tail", files=[{**asked, "state": "running"}], wait_s=0.3, limit=100)
    assert (header["frames"], header["observations"][0]["state"]) == ([], "running")
    client.send(json.dumps({"id": 77, "op": "tail", "wait_s": 60, "limit": 100,
                            "files": [{**asked, "state": "running"}]}).encode() + b"\n")
    attempt.file("stop.request").write_text("")
    attempt.seal()
    header, _ = client.receive()
    assert (header["id"], header["observations"][0]["state"]) == (77, "sealed")
    header, _ = client.ask("tail", files=[{**asked, "state": "running"}], wait_s=60, limit=100)
    assert header["observations"][0]["state"] == "sealed"


def test_a_tail_gives_way_to_the_next_request(client: Client, host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="hang", fault_step=1))
    host.launch(attempt)
    attempt.until("running")
    client.send(json.dumps({"id": 1, "op": "tail", "wait_s": 60, "limit": 100, "files": [
        {**of(attempt), "path": "train.log", "offset": 1 << 40, "state": "running"}]}).encode() + b"\n")
    client.send(b'{"id":2,"op":"ping"}\n')
    assert [client.receive()[0]["id"] for _ in range(2)] == [1, 2]


def test_a_flood_in_one_log_leaves_room_for_the_others(client: Client, host: HostRoot) -> None:
    attempts = [host.place(simulated_spec(seed=s)) for s in range(3)]
    for attempt, size in zip(attempts, (100_000, 50, 0), strict=True):
        Path(attempt.directory.path).mkdir(parents=True)
        attempt.file("train.log").write_bytes(bytes([65 + attempt.number]) * size)
    header, body = client.ask("tail", wait_s=0, limit=1000, files=[
        {**of(a), "path": "train.log", "offset": 0} for a in attempts])
    assert {f["run_id"]: f["bytes"] for f in header["frames"]} == {attempts[0].run_id: 950, attempts[1].run_id: 50}
    assert len(body) == 1000


def test_an_asset_arrives_in_pieces_may_be_resumed_and_is_verified(client: Client, host: HostRoot) -> None:
    data = os.urandom(5000)
    sha256 = hashlib.sha256(data).hexdigest()

    def put(offset: int, piece: bytes) -> int:
        return int(client.ok("asset_put", piece, sha256=sha256, size=len(data), offset=offset)["have"])

    assert client.ok("has", assets=[sha256])["present"] == []
    assert put(0, data[:2000]) == 2000
    assert put(4000, data[4000:]) == 2000  # a gap is not taken: resume at 2000
    assert put(1000, data[1000:3000]) == 3000
    assert client.ok("has", assets=[sha256])["present"] == []
    assert put(3000, data[3000:]) == 5000
    assert put(0, data[:10]) == 5000
    assert client.ok("has", assets=["0" * 64, sha256])["present"] == [sha256]
    header, piece = client.ask("asset_read", sha256=sha256, offset=4990, limit=100)
    assert (piece, header["size"], header["eof"]) == (data[4990:], 5000, True)
    assert client.error("asset_read", sha256="0" * 64, offset=0, limit=1) == "not_found"


def test_an_asset_of_another_digest_is_thrown_away(client: Client, host: HostRoot) -> None:
    assert client.error("asset_put", b"wrong", sha256="0" * 64, size=5, offset=0) == "corrupt"
    assert client.error("asset_put", b"longer", sha256="0" * 64, size=5, offset=0) == "bad_request"
    assert client.ok("has", assets=["0" * 64])["present"] == []
    assert client.ok("asset_put", b"w", sha256="0" * 64, size=5, offset=0)["have"] == 1


def test_adopt_links_a_sealed_file_after_checking_its_digest(client: Client, host: HostRoot) -> None:
    attempt = host.place()
    host.launch(attempt, crash_at="before_manifest")
    attempt.until("lost_supervisor")
    digest = hashlib.sha256(attempt.file("checkpoints/best.bin").read_bytes()).hexdigest()
    asked = {**of(attempt), "path": "checkpoints/best.bin", "sha256": digest}
    assert client.error("adopt", **asked) == "not_sealed"
    second = host.place(attempt=2)
    host.launch(second)
    second.seal()
    asked["attempt"] = 2
    assert client.error("adopt", **{**asked, "sha256": "0" * 64}) == "corrupt"
    assert client.error("adopt", **{**asked, "path": "../../spec.json"}) == "refused_path"
    for _ in range(2):
        assert client.ok("adopt", **asked)["size"] == second.file("checkpoints/best.bin").stat().st_size
    adopted = host.path / "assets" / "sha256" / digest
    assert adopted.stat().st_ino == second.file("checkpoints/best.bin").stat().st_ino


NVIDIA_SMI = """#!/bin/sh
echo "GPU-aaaa, NVIDIA H100 80GB HBM3, 81559, 4, 570.10, 9.0"
echo "GPU-bbbb, NVIDIA GB10, [N/A], [N/A], 580.10, 12.1"
"""


@pytest.fixture
def fake_gpus(tmp_path: Path) -> str:
    """A PATH on which ``nvidia-smi`` knows two GPUs."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def test_doctor_tells_facts(host: HostRoot, fake_gpus: str) -> None:
    client = Client(host.path / "not" / "yet", PATH=fake_gpus)
    facts = client.ok("doctor")
    assert client.close() == 0
    assert facts["python"].startswith("3.")
    assert facts["root_writable"] is True
    assert facts["fs_type"]
    assert facts["disk_free_bytes"] > 0
    assert [(g["uuid"], g["memory_mib"], g["compute_capability"]) for g in facts["gpus"]] == [
        ("GPU-aaaa", 81559, "9.0"), ("GPU-bbbb", None, "12.1")]
    assert not (host.path / "not").exists()
