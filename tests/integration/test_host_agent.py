"""The laptop's end of the resident host program, held against the real one over both transports, and against liars."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.dispatch.agent import HostAgent, Placement, RequestRefused, connect_agent
from orchestrator.dispatch.bundle import Bundle, build_bundle
from orchestrator.domain.errors import HostUnreachable, MalformedDocument, TransferCorrupt, UnknownContract
from orchestrator.resources import worker_source
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.local import LocalHost
from orchestrator.wire.documents import DispatchDocument, Resolved
from orchestrator.wire.spec import Spec, run_id_of, spec_bytes
from tests.integration.supervised import HostRoot, simulated_spec, wait_for

pytestmark = pytest.mark.sshd


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return build_bundle(worker_source())


@pytest.fixture
def agent(any_entry: HostEntry, home: Path, bundle: Bundle) -> Iterator[HostAgent]:
    with connect_agent(any_entry, home, bundle) as agent:
        yield agent
    HostRoot(Path(any_entry.root)).close()


def documents(spec: Spec, bundle: Bundle, attempt: int = 1) -> tuple[str, str, list[Placement]]:
    """The run id, the dispatch digest, and what is to be placed."""
    run_id = run_id_of(spec)
    dispatch = DispatchDocument(
        run_id=run_id, attempt=attempt, host="loop", bundle=bundle.digest, python=sys.executable, slots=1, gpus=0,
        deadline_s=300.0, grace_s=5.0, beat_s=0.1, disk_floor_bytes=0, resolved=Resolved(), trainer_env={},
        resume_from=None).to_bytes()
    digest = hashlib.sha256(dispatch).hexdigest()
    return run_id, digest, [Placement(f"runs/{run_id}/spec.json", spec_bytes(spec)),
                            Placement(f"runs/{run_id}/dispatch/{digest}.json", dispatch)]


def state_of(agent: HostAgent, run_id: str) -> str:
    return agent.probe([(run_id, 1)])[0].state


def test_a_run_lives_its_whole_life_through_the_agent(agent: HostAgent, bundle: Bundle) -> None:
    run_id, digest, placements = documents(simulated_spec(horizon=50, every=25), bundle)
    assert agent.probe([(run_id, 1)])[0].state == "absent"
    assert agent.place(placements) == (2, 0)
    assert agent.place(placements) == (0, 2), "placing again writes nothing"
    assert [r.result for r in agent.launch([(run_id, 1, digest)], start=False)] == ["refused"]
    assert [r.result for r in agent.launch([(run_id, 1, digest)])] == ["started"]
    assert [r.result for r in agent.launch([(run_id, 1, digest)])] == ["exists"]

    log, seal = b"", None
    while seal is None:
        answer = agent.tail([(run_id, 1, "train.log", len(log), "")], wait_s=5, limit=100)
        for frame in answer.frames:
            assert (frame.run_id, frame.attempt, frame.offset, frame.path) == (run_id, 1, len(log), "train.log")
            assert len(frame.data) <= 100
            log += frame.data
        [seen] = answer.observations
        seal = seen.exit if not answer.frames else None
    assert seal.outcome == "completed"
    assert len(log) == seal.train_log_bytes

    whole = agent.read(run_id, 1, "train.log", limit=1 << 20)
    assert (whole.body, whole.size, whole.eof) == (log, len(log), True)
    part = agent.read(run_id, 1, "train.log", offset=10, limit=7)
    assert (part.body, part.eof) == (log[10:17], False)
    manifest = agent.read(run_id, 1, "manifest.json", limit=1 << 20).body
    assert hashlib.sha256(manifest).hexdigest() == seal.manifest_sha256
    sha256 = hashlib.sha256(log).hexdigest()
    assert agent.has([sha256]) == frozenset()
    assert agent.adopt(run_id, 1, "train.log", sha256) == len(log)
    assert agent.has([sha256, "0" * 64]) == {sha256}
    assert agent.asset_read(sha256, offset=3, limit=1 << 20).body == log[3:]


def test_a_stop_ends_a_run(agent: HostAgent, bundle: Bundle) -> None:
    run_id, digest, placements = documents(simulated_spec(horizon=100_000, real_step_ms=20), bundle)
    agent.place(placements)
    agent.launch([(run_id, 1, digest)])
    wait_for(lambda: state_of(agent, run_id) == "running", "the run is running")
    agent.stop(run_id, 1, "cancelled by a test")
    agent.stop(run_id, 1, "twice is once")
    wait_for(lambda: state_of(agent, run_id) == "sealed", "the run is sealed")
    seal = agent.probe([(run_id, 1)])[0].exit
    assert seal is not None
    assert seal.outcome == "cancelled"


def test_a_run_outlives_the_agent_and_the_next_one_finds_it(any_entry: HostEntry, home: Path, bundle: Bundle) -> None:
    run_id, digest, placements = documents(simulated_spec(horizon=100_000, real_step_ms=20), bundle)
    try:
        with connect_agent(any_entry, home, bundle) as agent:
            agent.place(placements)
            agent.launch([(run_id, 1, digest)])
            wait_for(lambda: state_of(agent, run_id) == "running", "the run is running")
        with connect_agent(any_entry, home, bundle) as agent:
            assert state_of(agent, run_id) == "running"
            assert [r.result for r in agent.launch([(run_id, 1, digest)])] == ["exists"]
    finally:
        HostRoot(Path(any_entry.root)).close()


def test_more_than_one_batch_comes_back_in_order(agent: HostAgent, bundle: Bundle) -> None:
    attempts = [(f"{i:064x}", 1) for i in range(450)]
    assert [(o.run_id, o.attempt) for o in agent.probe(attempts)] == attempts
    launches = [(run_id, 1, "0" * 64) for run_id, _ in attempts[:45]]
    looked = agent.launch(launches, start=False)
    assert [(r.run_id, r.result) for r in looked] == [(run_id, "refused") for run_id, _, _ in launches]
    pairs = [documents(simulated_spec(seed=i), bundle)[2] for i in range(260)]
    assert agent.place([p for pair in pairs for p in pair]) == (520, 0)


def test_an_asset_travels_in_pieces_and_is_held_against_its_digest(agent: HostAgent) -> None:
    data = os.urandom(3 << 20)
    sha256 = hashlib.sha256(data).hexdigest()
    step = 1 << 20
    have = [agent.asset_put(sha256, size=len(data), offset=at, data=data[at:at + step]) for at in (0, step, 2 * step)]
    assert have == [step, 2 * step, len(data)]
    piece = agent.asset_read(sha256, limit=8 << 20)
    assert (piece.body, piece.eof) == (data, True)


def test_an_asset_of_another_digest_is_refused(agent: HostAgent) -> None:
    with pytest.raises(TransferCorrupt):
        agent.asset_put("0" * 64, size=4, offset=0, data=b"abcd")
    assert agent.has(["0" * 64]) == frozenset()
    agent.ping()


def test_a_refusal_names_the_host_and_the_reason_and_the_channel_goes_on(agent: HostAgent) -> None:
    with pytest.raises(RequestRefused) as refused:
        agent.read("0" * 64, 1, "train.log", limit=10)
    assert refused.value.code == "not_found"
    assert refused.value.message.startswith(agent.name)
    with pytest.raises(RequestRefused) as refused:
        agent.read("0" * 64, 1, "../../../../etc/passwd", limit=10)
    assert refused.value.code in ("refused_path", "not_found")
    with pytest.raises(RequestRefused):
        agent.place([Placement("runs/../../escape", b"x")])
    agent.ping()


def test_doctor_tells_facts(agent: HostAgent, any_entry: HostEntry) -> None:
    facts = agent.doctor()
    assert facts["root"] == any_entry.root
    assert facts["disk_free_bytes"] > 0
    assert {"python", "torch", "gpus", "now", "fs_type"} <= facts.keys()
    assert not {"id", "ok", "body_bytes"} & facts.keys()


def test_an_interrupted_request_closes_the_channel(agent: HostAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            agent.tail([("0" * 64, 1, "train.log", 0, "absent")], wait_s=30, limit=10)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(HostUnreachable, match="closed"):
        agent.ping()  # the answer to the poll must not be taken for an answer to this


LIAR = """
import json, sys
for line in sys.stdin:
    n = json.loads(line)["id"]
    sys.stdout.write({answer})
    sys.stdout.flush()
"""


def liar(answer: str) -> HostAgent:
    """An agent that talks to a small program which answers every request with this Python expression."""
    host = LocalHost("liar")
    return HostAgent(host, host.open([sys.executable, "-c", LIAR.format(answer=answer)]), patience_s=20)


@pytest.mark.parametrize(("answer", "complaint"), [
    ("'no json\\n'", "not JSON"),
    ("'[]\\n'", "not a JSON object"),
    ("json.dumps({'id': n + 1, 'ok': True}) + '\\n'", "came to request"),
    ("json.dumps({'id': n}) + '\\n'", "neither that it is ok"),
    ("json.dumps({'id': n, 'ok': 1}) + '\\n'", "neither that it is ok"),
    ("json.dumps({'id': n, 'ok': True, 'body_bytes': -1}) + '\\n'", "is not a size"),
    ("json.dumps({'id': n, 'ok': True, 'body_bytes': 1 << 50}) + '\\n'", "is not a size"),
])
def test_an_answer_that_breaks_the_order_closes_the_channel(answer: str, complaint: str) -> None:
    agent = liar(answer)
    with pytest.raises(MalformedDocument, match=complaint):
        agent.ping()
    with pytest.raises(HostUnreachable, match="closed"):
        agent.ping()
    agent.close()


@pytest.mark.parametrize(("call", "fields"), [
    ("agent.probe([('a' * 64, 1)])", {"observations": []}),
    ("agent.probe([('a' * 64, 1)])", {"observations": [{"run_id": "b" * 64, "attempt": 1, "state": "absent"}]}),
    ("agent.probe([('a' * 64, 1)])", {"observations": [{"run_id": "a" * 64, "attempt": 1, "state": "fine"}]}),
    ("agent.probe([('a' * 64, 1)])", {"observations": "all well"}),
    ("agent.launch([('a' * 64, 1, 'c' * 64)])", {"results": []}),
    ("agent.launch([('a' * 64, 1, 'c' * 64)])", {"results": [{"run_id": "a" * 64, "attempt": 1, "result": 7}]}),
    ("agent.has(['a' * 64])", {"present": ["b" * 64]}),
    ("agent.has(['a' * 64])", {}),
    ("agent.read('a' * 64, 1, 'train.log', limit=3)", {"size": 4, "eof": True, "body_bytes": 4}),
    ("agent.read('a' * 64, 1, 'train.log', limit=9)", {"size": 4, "body_bytes": 4}),
    ("agent.tail([('a' * 64, 1, 'train.log', 0, '')], wait_s=0, limit=9)",
     {"frames": [{"run_id": "a" * 64, "attempt": 1, "offset": 0, "bytes": 9}], "observations": [], "body_bytes": 4}),
    ("agent.tail([('a' * 64, 1, 'train.log', 0, '')], wait_s=0, limit=9)",
     {"frames": [{"run_id": "b" * 64, "attempt": 1, "offset": 0, "bytes": 4}], "observations": [], "body_bytes": 4}),
    ("agent.place([Placement('runs/x', b'x')])", {"placed": True, "kept": 0}),
    ("agent.place([Placement('runs/x', b'x')])", {"placed": -1, "kept": 0}),
])
def test_an_answer_with_wrong_content_is_refused_by_name(call: str, fields: dict[str, object]) -> None:
    body = "'x' * 4" if "body_bytes" in fields else "''"
    # The request may have a body behind its line; nothing here reads it, and nothing needs to.
    agent = liar(f"json.dumps({{'id': n, 'ok': True, **{fields!r}}}) + '\\n' + {body}")
    with pytest.raises(MalformedDocument, match=r"^liar: "):
        eval(call, {"agent": agent, "Placement": Placement})
    agent.close()


def test_a_host_of_another_contract_is_refused_by_version() -> None:
    agent = liar("json.dumps({'id': n, 'ok': True, 'contract': 'v9'}) + '\\n'")
    with pytest.raises(UnknownContract, match="'v9'"):
        agent.hello()
    agent.close()


def test_a_program_that_dies_is_unreachable_with_its_last_words() -> None:
    host = LocalHost("here")
    agent = HostAgent(host, host.open(["sh", "-c", "read line; echo 'out of luck' >&2; exit 4"]), patience_s=20)
    with pytest.raises(HostUnreachable, match="status 4: out of luck"):
        agent.ping()
    agent.close()


def test_requests_are_numbered_lines(tmp_path: Path) -> None:
    said = tmp_path / "said"
    agent = liar(f"open({str(said)!r}, 'a').write(line) and json.dumps({{'id': n, 'ok': True}}) + '\\n'")
    agent.ping()
    agent.ping()
    agent.close()
    assert [json.loads(line) for line in said.read_text().splitlines()] == [
        {"id": n, "op": "ping", "body_bytes": 0} for n in (1, 2)]
