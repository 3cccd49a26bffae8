"""Building environments on a host: from local wheels, once, sealed last, never half-made."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.dispatch import asset_store
from orchestrator.dispatch.asset_transfer import ensure_on_host
from orchestrator.dispatch.environment import describe, python_of
from orchestrator.dispatch.prepare import EnvironmentFailed, Prepared, preparation_lines, prepare_host
from orchestrator.domain.errors import CampaignFileError, HostUnfit, HostUnreachable
from orchestrator.wire.output import PreparedHost
from tests.integration.prepared import Bench, Listener, install_quick_uv, make_wheel
from tests.integration.sshd_server import SshServer
from tests.integration.supervised import HOST_PYTHON, REPOSITORY, HostRoot, wait_for
from worker.environment import Environment, builder_of, platform_tag, state_of
from worker.locks import is_held
from worker.paths import Root
from worker.process import Identity, is_alive


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench.at(tmp_path)
    make_wheel(bench.wheels, "tinytorch", "1.0", needs=("tinynum==2.5",))
    make_wheel(bench.wheels, "tinynum", "2.5")
    bench.require("tinytorch==1.0", "tinynum==2.5  # pinned")
    bench.hosts()
    return bench


@pytest.fixture
def quick(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The same with a small program in uv's place: for what does not depend on the tool that builds."""
    install_quick_uv(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    fast = replace(bench, builder="uv")
    fast.hosts()
    return fast


def prepare(bench: Bench, listener: Listener | None = None) -> Prepared:
    with bench.session() as session:
        entry = session.inventory.host("here")
        return prepare_host(session, "here", entry.environment, (), listener or Listener())


def environment_of(bench: Bench) -> Environment:
    with bench.session() as session:
        wanted = session.inventory.host("here").environment
        assert wanted is not None
        return Environment.at(Root.at(str(bench.root)), describe(wanted, platform_tag(), None).digest)


def output(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_an_environment_is_built_once_and_its_evidence_says_how(bench: Bench) -> None:
    listener = Listener()
    prepared = prepare(bench, listener)
    assert listener.results == {"preflight": "done", "environment": "done", "assets": "skipped"}
    assert prepared.python == str(bench.root / "envs" / str(prepared.environment) / "venv/bin/python")
    assert output(prepared.python, "import tinytorch, tinynum; print(tinytorch.VERSION, tinynum.VERSION)") == "1.0 2.5"
    assert any("pip" in line and line.startswith("+ ") for line in listener.lines), "commands are shown"
    assert any("Successfully installed" in line for line in listener.lines), "so is what they say"

    build = json.loads((bench.root / "envs" / str(prepared.environment) / "environment-build.json").read_bytes())
    assert {"tinytorch==1.0", "tinynum==2.5"} <= set(build["packages"])
    assert build["freeze_sha256"] == hashlib.sha256("".join(f"{p}\n" for p in build["packages"]).encode()).hexdigest()
    assert build["asked"]["requirements"] == ["tinytorch==1.0", "tinynum==2.5"]
    assert (build["builder"], build["digest"]) == ("pip", prepared.environment)
    assert build["duration_ms"] > 0
    assert [s["exit_code"] for s in build["steps"]] == [0] * len(build["steps"])
    assert json.loads(bench.home.environment(str(prepared.environment)).read_bytes()) == build

    again = Listener()
    assert prepare(bench, again).python == prepared.python
    assert again.results["environment"] == "cached"
    assert again.lines == []


def test_assets_are_sent_once_and_an_altered_one_is_replaced_when_it_is_pushed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_bytes(b"weights" * 1000)
    digest = asset_store.add(bench.home, tmp_path / "best.pt").sha256
    copy = bench.root / "assets/sha256" / digest
    with bench.session() as session:
        first, second = Listener(), Listener()
        prepare_host(session, "here", None, (digest,), first)
        assert (first.results["assets"], first.bytes_moved) == ("done", {digest[:12]: 7000})
        prepared = prepare_host(session, "here", None, (digest, digest), second)
        assert (second.results, second.bytes_moved) == (
            {"preflight": "done", "environment": "skipped", "assets": "cached"}, {})
        PreparedHost.model_validate_json(json.dumps(prepared.as_dict()))
        assert session.ledger.asset_locations(digest) == ["here"]
        copy.chmod(0o644)
        copy.write_bytes(b"Weights" * 1000)
        assert ensure_on_host(session, "here", digest, check=True)
        assert copy.read_bytes() == b"weights" * 1000
        copy.unlink()
        copy.with_name(f".{digest}.part").write_bytes(b"weights" * 400)
        assert ensure_on_host(session, "here", digest, second.moved), "goes on where an earlier try was cut"
        assert copy.read_bytes() == b"weights" * 1000


def test_what_was_seen_of_a_host_is_remembered_for_planning(bench: Bench) -> None:
    with bench.session() as session:
        prepare_host(session, "here", None, (), Listener())
        entry, facts = session.inventory.host("here"), session.ledger.host_facts("here")
        assert python_of(entry, facts) == environment_of(bench).python
        count = session.ledger.head()[0]
        prepare_host(session, "here", None, (), Listener())
        assert session.ledger.head()[0] == count, "the same facts are not recorded twice"


@pytest.mark.parametrize(("line", "complaint"), [
    ("gpus: 3", "0 GPUs found, hosts.yaml says 3"), ("root: /proc/kdorch", "cannot be written"),
])
def test_a_host_that_cannot_run_is_found_before_anything_is_built(bench: Bench, line: str, complaint: str) -> None:
    key, _, value = line.partition(": ")
    keys = {"transport": "local", "root": str(bench.root), "python": HOST_PYTHON, "environment": "small", key: value}
    bench.hosts(host="hosts:\n  here:\n" + "".join(f"    {k}: {v}\n" for k, v in keys.items()))
    with pytest.raises(HostUnfit, match=complaint):
        prepare(bench)
    assert not (bench.root / "envs").exists()


def test_the_dry_run_names_the_environment_without_looking(bench: Bench) -> None:
    with bench.session() as session:
        entry = session.inventory.host("here")
        facts = {"platform": platform_tag(), "gpus": []}
        assert any(environment_of(bench).digest in line for line in preparation_lines(entry, facts))
        assert python_of(entry, facts) == environment_of(bench).python
        assert any("requirements.txt" in line for line in preparation_lines(entry, None))
    assert not bench.root.exists()


def test_a_package_that_is_not_to_be_had_fails_with_the_remedy_and_leaves_nothing(bench: Bench) -> None:
    bench.require("tinytorch==9.9")
    with pytest.raises(EnvironmentFailed, match="packages: python ended with status 1") as failed:
        prepare(bench)
    assert failed.value.hint is not None
    assert "check the pin" in failed.value.hint
    assert any("tinytorch" in line for line in failed.value.log_tail)
    environment = environment_of(bench)
    assert state_of(environment) == "failed"
    assert not Path(environment.directory).exists()

    make_wheel(bench.wheels, "tinytorch", "9.9")
    assert output(prepare(bench).python, "import tinytorch; print(tinytorch.VERSION)") == "9.9"


def test_a_wheel_with_another_digest_is_refused(bench: Bench) -> None:
    bench.require(f"tinynum==2.5 --hash=sha256:{'0' * 64}")
    with pytest.raises(EnvironmentFailed) as failed:
        prepare(bench)
    assert failed.value.hint is not None
    assert "not the one that was pinned" in failed.value.hint
    digest = hashlib.sha256((bench.wheels / "tinynum-2.5-py3-none-any.whl").read_bytes()).hexdigest()
    bench.require(f"tinynum==2.5 --hash=sha256:{digest}")
    assert output(prepare(bench).python, "import tinynum; print(tinynum.VERSION)") == "2.5"


@pytest.mark.parametrize("point", ["environment_venv", "environment_seal"])
def test_a_builder_killed_at_any_point_leaves_nothing_that_counts_as_ready(
        quick: Bench, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDORCH_CRASH_AT", point)
    with pytest.raises(EnvironmentFailed, match="ended from outside"):
        prepare(quick)
    environment = environment_of(quick)
    assert state_of(environment) == "interrupted"
    assert Path(environment.venv).exists(), "it was half-made"
    monkeypatch.delenv("KDORCH_CRASH_AT")
    listener = Listener()
    assert output(prepare(quick, listener).python, "import tinytorch; print(tinytorch.VERSION)") == "1.0"
    assert listener.results["environment"] == "done"


def test_what_a_killed_builders_tools_still_do_is_ended_before_the_next_begins(quick: Bench, tmp_path: Path) -> None:
    """A build command that never ends outlives its builder; the next build must not share the directory with it."""
    repository, commit = small_repository(tmp_path)
    quick.hosts(f"checkout: {{repository: {repository}, commit: {commit}, build: python wait.py}}")
    environment = environment_of(quick)
    waiting = Path(environment.checkout) / "waiting"
    with ThreadPoolExecutor() as pool:
        try:
            first = pool.submit(prepare, quick)
            wait_for(waiting.exists, "the build command runs")
            child, builder = process_in(waiting), builder_of(environment)
            assert builder is not None
            os.kill(builder.pid, signal.SIGKILL)
            assert isinstance(first.exception(), EnvironmentFailed)
            assert is_alive(child)
            assert is_held(environment.lock), "by what the builder started"

            second = pool.submit(prepare, quick)
            wait_for(lambda: not is_alive(child), "the end of what was left")
            wait_for(lambda: waiting.exists() and process_in(waiting) != child, "the build command runs again")
        finally:
            HostRoot(quick.root).close()
            for path in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    if (path / "cwd").samefile(environment.checkout):
                        os.kill(int(path.name), signal.SIGKILL)
        assert isinstance(second.exception(), EnvironmentFailed | HostUnreachable)


@pytest.mark.sshd
def test_a_lost_line_is_taken_up_again_and_no_line_of_the_log_is_shown_twice(
        bench: Bench, tmp_path: Path, sshd: SshServer) -> None:
    repository, commit = small_repository(tmp_path)
    sshd.trust(bench.home.root)
    bench.hosts(f"checkout: {{repository: {repository}, commit: {commit}, build: python pause.py {tmp_path}/go}}",
                host=sshd.hosts_yaml("here", root=str(bench.root), python=HOST_PYTHON, environment="small"))
    environment, listener = environment_of(bench), Listener()
    with ThreadPoolExecutor() as pool:
        prepared = pool.submit(prepare, bench, listener)
        wait_for(lambda: "before the pause" in listener.lines, "the build command's first line")
        before = sshd.sessions()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: set(sshd.sessions()) - set(before), "another connection")
        assert state_of(environment) == "building", "a build needs no line"
        (tmp_path / "go").touch()
        assert output(prepared.result().python, "import tinynum; print(tinynum.VERSION)") == "2.5"
    assert [line for line in listener.lines if "the pause" in line] == ["before the pause", "after the pause"]


def test_a_build_goes_on_when_the_laptops_program_is_killed(quick: Bench, tmp_path: Path) -> None:
    repository, commit = small_repository(tmp_path)
    quick.hosts(f"checkout: {{repository: {repository}, commit: {commit}, build: python pause.py {tmp_path}/go}}")
    environment = environment_of(quick)
    laptop = subprocess.Popen([sys.executable, "-m", "orchestrator.cli.app", "host", "prepare", "here"],
                              env={**os.environ, "KDORCH_HOME": str(quick.home.root), "PYTHONPATH": str(REPOSITORY)},
                              stderr=subprocess.PIPE)
    wait_for(lambda: Path(environment.log).exists() and "before the pause" in Path(environment.log).read_text(),
             "the build command's first line")
    laptop.kill()
    laptop.communicate()
    assert state_of(environment) == "building"
    (tmp_path / "go").touch()
    listener = Listener()
    assert prepare(quick, listener).environment == environment.digest
    assert Path(environment.log).read_text().count(" venv ") == 1


def test_two_who_prepare_at_once_build_once(quick: Bench) -> None:
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(prepare, [quick, quick]))
    assert both[0].python == both[1].python
    log = Path(environment_of(quick).log).read_text()
    assert log.count(" venv ") == 1
    assert state_of(environment_of(quick)) == "ready"


def test_an_environment_whose_interpreter_is_gone_is_built_again(quick: Bench) -> None:
    prepared = prepare(quick)
    for name in ("python", "python3"):
        Path(prepared.python).with_name(name).unlink(missing_ok=True)
    assert state_of(environment_of(quick)) != "ready"
    assert output(prepare(quick).python, "import tinynum; print(tinynum.VERSION)") == "2.5"


def test_uv_builds_where_it_is_installed_and_the_digest_is_the_same(bench: Bench, quick: Bench) -> None:
    bench.hosts("builder: pip")
    digest = environment_of(bench).digest
    bench.hosts("builder: auto")
    prepared = prepare(bench)
    assert prepared.environment == digest
    build = json.loads(Path(environment_of(bench).seal).read_bytes())
    assert (build["builder"], build["builder_version"]) == ("uv", "uv 0.0.1 (for tests)")
    assert output(prepared.python, "import tinynum; print(tinynum.VERSION)") == "2.5"


def test_a_host_without_the_builder_that_was_asked_for_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    bench.hosts("builder: uv")
    with pytest.raises(EnvironmentFailed, match="uv is not installed") as failed:
        prepare(bench)
    assert failed.value.hint is not None
    assert "builder: pip" in failed.value.hint


def test_a_python_that_is_not_there_is_said_with_what_to_install(bench: Bench) -> None:
    bench.hosts('python: "3.99"')
    with pytest.raises(EnvironmentFailed, match=r"there is no Python 3\.99 on this host") as failed:
        prepare(bench)
    assert failed.value.hint is not None
    assert "python3.99-venv" in failed.value.hint


def test_a_checkout_at_a_commit_is_built_in_the_environment(quick: Bench, tmp_path: Path) -> None:
    repository, commit = small_repository(tmp_path)
    (repository / "wait.py").write_text("raise SystemExit('a later commit')\n")
    git(repository, "commit", "-qam", "later")
    quick.hosts(f"checkout: {{repository: {repository}, commit: {commit}, build: python build.py 'two words'}}")
    prepared = prepare(quick)
    checkout = Path(environment_of(quick).checkout)
    assert (checkout / "built").read_text() == f"{environment_of(quick).venv} two words"
    build = json.loads(Path(environment_of(quick).seal).read_bytes())
    assert build["asked"]["checkout"] == {
        "repository": str(repository), "commit": commit, "build": ["python", "build.py", "two words"]}
    assert prepared.environment == build["digest"]


def test_a_commit_that_is_not_there_fails_with_the_remedy(quick: Bench, tmp_path: Path) -> None:
    repository, _ = small_repository(tmp_path)
    quick.hosts(f"checkout: {{repository: {repository}, commit: {'0' * 39}a}}")
    with pytest.raises(EnvironmentFailed) as failed:
        prepare(quick)
    assert failed.value.hint is not None
    assert "no such commit" in failed.value.hint


@pytest.mark.parametrize("line", [
    "-r other.txt", "--index-url https://evil.example", "-e .", "numpy", "numpy>=1.0", "numpy==1.*", "./a.whl",
    "numpy @ https://evil.example/x.whl", "numpy==1.0 --global-option=x", "--hash=sha256:00",
])
def test_a_requirement_that_is_not_pinned_is_refused_by_its_line(bench: Bench, line: str) -> None:
    bench.require("# a comment", "tinynum==2.5", line)
    with pytest.raises(CampaignFileError, match=r"requirements\.txt:3: .* is not a pinned requirement"):
        prepare(bench)
    assert not (bench.root / "envs").exists()


@pytest.mark.parametrize(("key", "value"), [
    ("repository", "ext::sh -c touch% x"), ("repository", "--upload-pack=x"), ("repository", "http://h/x"),
    ("repository", "https://me:secret@h.example/x"), ("repository", "-oProxyCommand=x@h:y"),
    ("repository", "file:///a/../../b"), ("commit", "main"), ("commit", "abc123"), ("commit", "F" * 40),
    ("build", "'unclosed"), ("build", "  "),
])
def test_a_checkout_that_could_become_something_else_is_refused(bench: Bench, key: str, value: str) -> None:
    checkout = {"repository": "https://h.example/x", "commit": "0" * 40, key: value}
    bench.hosts(f"checkout: {json.dumps(checkout)}")
    with pytest.raises(CampaignFileError, match=rf"environments\.small\.checkout\.{key}"), bench.session():
        pass


def process_in(file: Path) -> Identity:
    pid, ticks = file.read_text().split()
    return Identity(int(pid), int(ticks))


def small_repository(place: Path) -> tuple[Path, str]:
    """A repository with a quick and an endless build program, and its first commit."""
    repository = place / "trainer-repository"
    repository.mkdir()
    (repository / "build.py").write_text(
        "import os, sys\nopen('built', 'w').write(os.environ['VIRTUAL_ENV'] + ' ' + sys.argv[1])\n")
    (repository / "wait.py").write_text(
        "import os, signal\nticks = open('/proc/self/stat').read().rpartition(')')[2].split()[19]\n"
        "open('waiting.tmp', 'w').write(f'{os.getpid()} {ticks}')\nos.rename('waiting.tmp', 'waiting')\n"
        "signal.pause()\n")
    (repository / "pause.py").write_text(
        "import os, sys, time\nprint('before the pause', flush=True)\n"
        "while not os.path.exists(sys.argv[1]):\n    time.sleep(0.02)\nprint('after the pause')\n")
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "first")
    return repository, git(repository, "rev-parse", "HEAD")


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@t.example", *words],
                          check=True, capture_output=True, text=True)
    return done.stdout.strip()
