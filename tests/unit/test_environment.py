"""Rules of environments: what the digest covers, which build of PyTorch a driver gets, what a command may become."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.dispatch.environment import choose_index, describe, describe_for, driver_of, python_of
from orchestrator.domain.errors import CampaignFileError, HostUnfit
from orchestrator.transport.environments import Checkout, EnvironmentEntry
from orchestrator.transport.inventory import HostEntry, load_inventory
from worker.environment import Checkout as HostCheckout
from worker.environment import Description, Environment, environment_of, is_repository, parse_description
from worker.environment_steps import (
    CannotBuild,
    Tool,
    build_environment,
    checkout_commands,
    install_command,
    remedy_for,
)
from worker.paths import Root
from worker.wire import ContractError

X86, ARM = "x86_64-glibc2.35", "aarch64-glibc2.39"
HASH = f"--hash=sha256:{'a' * 64}"


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("torch==2.10.0\nnumpy==2.3.4\n")
    return path


def digest(entry: EnvironmentEntry, platform: str = X86, driver: str | None = "580.95.05") -> str:
    return describe(entry, platform, driver).digest


def test_the_digest_covers_what_decides_what_is_installed_and_nothing_else(pins: Path, tmp_path: Path) -> None:
    plain = EnvironmentEntry("a", requirements=pins)
    commit = Checkout("https://h.example/x", "0" * 40)
    other = tmp_path / "other.txt"
    other.write_text("torch==2.10.0\nnumpy==2.3.5\n")
    different = [
        digest(plain), digest(plain, ARM), digest(plain, driver=None),
        *(digest(e) for e in (
            EnvironmentEntry("a", requirements=other), EnvironmentEntry("a", requirements=pins, index="cu128"),
            EnvironmentEntry("a", requirements=pins, python="3.12"),
            EnvironmentEntry("a", requirements=pins, find_links="/wheels"),
            EnvironmentEntry("a", requirements=pins, checkout=commit),
            EnvironmentEntry("a", requirements=pins, checkout=Checkout(commit.repository, "1" * 40)),
            EnvironmentEntry("a", requirements=pins, checkout=Checkout(commit.repository, commit.commit, ("make",)))))]
    assert len(set(different)) == len(different)
    same = EnvironmentEntry("another name", requirements=pins, builder="uv", index="cu130")
    assert digest(same) == digest(plain)
    pins.write_text("# for the paper\ntorch == 2.10.0   # pinned\n\nnumpy==2.3.4\n")
    assert digest(plain) == different[0], "comments and blanks decide nothing"


def test_both_sides_read_the_description_alike(pins: Path) -> None:
    pins.write_text(f"torch[opt]==2.10.0+cu130 ; platform_machine == 'aarch64' \\\n    {HASH}\n")
    entry = EnvironmentEntry("a", requirements=pins, python="3.12", find_links="~/wheels",
                             checkout=Checkout("git@h.example:me/x.git", "0" * 40, ("pip", "install", ".")))
    asked = parse_description(describe(entry, ARM, None).document, "description")
    assert asked.requirements == (f"torch[opt]==2.10.0+cu130 ; platform_machine == 'aarch64' {HASH}",)
    assert (asked.platform, asked.python, asked.index, asked.find_links) == (ARM, "3.12", "cpu", "~/wheels")
    assert asked.checkout is not None
    assert (asked.checkout.repository, asked.checkout.build) == ("git@h.example:me/x.git", ("pip", "install", "."))


@pytest.mark.parametrize(("driver", "index"), [
    (None, "cpu"), ("590.10", "cu130"), ("580.95.05", "cu130"), ("575.57.08", "cu128"), ("570.86.15", "cu128"),
    ("560.35", "cu126"), ("535.183.01", "cu126"), ("525.60.13", "cu126"),
])
def test_the_driver_decides_the_build_of_pytorch(driver: str | None, index: str) -> None:
    assert choose_index(driver) == index


def test_a_driver_older_than_every_build_is_unfit_unless_the_file_says_otherwise(pins: Path) -> None:
    with pytest.raises(HostUnfit, match="470"):
        digest(EnvironmentEntry("a", requirements=pins), driver="470.1")
    assert describe(EnvironmentEntry("a", requirements=pins, index="cu118"), X86, "470.1").index == "cu118"


def test_the_driver_is_found_among_the_facts() -> None:
    assert driver_of({"gpus": [], "driver": "580.1"}) is None, "without a GPU a driver decides nothing"
    assert driver_of({"gpus": [{"driver": "570.2"}]}) == "570.2"
    assert driver_of({"gpus": [{"driver": None}], "driver": "580.1"}) == "580.1"


def test_the_interpreter_of_a_host_is_its_own_or_that_of_its_environment(pins: Path) -> None:
    assert python_of(HostEntry("h", python="~/venv/bin/python"), None) == "~/venv/bin/python"
    entry = HostEntry("h", root="~/.kdorch-host", environment=EnvironmentEntry("a", requirements=pins))
    with pytest.raises(HostUnfit, match="not known before the host was looked at"):
        python_of(entry, None)
    python = python_of(entry, {"platform": X86, "gpus": []})
    found = describe_for(entry, {"platform": X86, "gpus": []})
    assert found is not None
    assert python == f"~/.kdorch-host/envs/{found.digest}/venv/bin/python"
    assert environment_of(python) == found.digest, "the manifest names it by its digest"


@pytest.mark.parametrize("python", ["python3", "/usr/bin/python3", f"/r/envs/{'a' * 63}/venv/bin/python",
                                    f"/r/envs/{'a' * 64}/venv/bin/python3.11", f"/r/envs/{'a' * 64}/bin/python"])
def test_any_other_interpreter_is_no_environments(python: str) -> None:
    assert environment_of(python) is None


@pytest.mark.parametrize(("text", "line"), [
    ("torch>=2\n", 1), ("torch\n", 1), ("a==1\n-r more.txt\n", 2), ("a==1\n\n--index-url http://x\n", 3),
    ("a==1 \\\n--hash=md5:00\n", 1), ("a @ https://x/y.whl\n", 1), ("a==1.*\n", 1), ("a===1\n", 1),
    ("# nothing\n", None),
])
def test_what_is_not_pinned_is_refused_by_its_line(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "r.txt"
    path.write_text(text)
    with pytest.raises(CampaignFileError) as refused:
        describe(EnvironmentEntry("a", requirements=path), X86, None)
    assert refused.value.line == line


@pytest.mark.parametrize(("key", "value"), [
    ("requirements", ["-r x"]), ("requirements", ["a==1 --index-url x"]), ("requirements", "a==1"),
    ("index", "https://evil.example"), ("index", "cu13"), ("find_links", "--x"), ("find_links", "relative"),
    ("python", "3"), ("python", "/bin/sh"), ("platform", ""), ("contract", "v9"),
    ("checkout", {"repository": "ext::sh", "commit": "0" * 40, "build": []}),
    ("checkout", {"repository": "/srv/x", "commit": "HEAD", "build": []}),
    ("checkout", {"repository": "/srv/x", "commit": "0" * 40, "build": "make"}), ("checkout", "x"),
])
def test_the_host_refuses_a_description_that_could_become_an_option(key: str, value: object) -> None:
    good = {"contract": "v1", "platform": X86, "python": None, "requirements": ["a==1"], "index": "cpu",
            "find_links": None, "checkout": None}
    parse_description(json.dumps(good).encode(), "d")
    with pytest.raises(ContractError):
        parse_description(json.dumps({**good, key: value}).encode(), "d")


@pytest.mark.parametrize(("text", "good"), [
    ("https://h.example/me/x.git", True), ("ssh://git@h.example:2222/x", True), ("git@h.example:me/x", True),
    ("git://h.example/x", True), ("file:///srv/x.git", True), ("/srv/x", True),
    ("http://h.example/x", False), ("ext::sh -c x", False), ("-u@h:x", False), ("--upload-pack=x", False),
    ("https://u:p@h.example/x", False), ("https://token@h.example/x", False), ("ssh://u:p@h/x", False),
    ("ftp://h/x", False), ("relative/x", False), ("", False), ("/srv/../x", False), ("git@h:-x", False),
    ("ssh://-oProxyCommand=x/y", False), ("fd::7", False), ("https://h.example/x y", False),
])
def test_git_is_given_repositories_only(text: str, good: bool) -> None:
    assert is_repository(text) is good


def test_commands_are_words_and_nothing_follows_the_end_of_options() -> None:
    asked = Description(X86, "3.12", (f"torch==2.10.0 {HASH}",), "pypi", "/wheels", None)
    place = Environment.at(Root.at("/root dir"), "a" * 64)
    pip = install_command(Tool("pip", place.python), asked, place)
    assert pip[:4] == [place.python, "-I", "-m", "pip"]
    assert pip[-2:] == ["--find-links", "/wheels"]
    assert "--require-hashes" in pip
    uv = install_command(Tool("uv", "/bin/uv"), Description(X86, None, ("a==1",), "none", "/w", None), place)
    assert uv[:5] == ["/bin/uv", "pip", "install", "--python", place.python]
    assert "--no-index" in uv
    assert "--require-hashes" not in uv
    cuda = Description(X86, "3.12", ("torch==2.10.0",), "cu130", None, None)
    assert install_command(Tool("uv", "/bin/uv"), cuda, place)[-2:] == ["--torch-backend", "cu130"]
    with pytest.raises(CannotBuild, match="pip does not know where"):
        install_command(Tool("pip", place.python), cuda, place)
    checkout = HostCheckout("ssh://git@h.example/x", "0" * 40, ())
    for command in checkout_commands(checkout, "/d"):
        assert command[0] == "git"
        if "fetch" in command:
            assert command[command.index("--") + 1:] == ["ssh://git@h.example/x", "0" * 40]


def test_a_build_does_not_see_another_python_or_repository() -> None:
    place = Environment.at(Root.at("/r"), "a" * 64)
    seen = build_environment({"PATH": "/bin", "PYTHONPATH": "/x", "VIRTUAL_ENV": "/y", "GIT_DIR": "/z", "HOME": "/h",
                              "HTTPS_PROXY": "p"}, place)
    assert seen["PATH"] == f"{place.venv}/bin{os.pathsep}/bin"
    assert (seen["VIRTUAL_ENV"], seen["HOME"], seen["HTTPS_PROXY"]) == (place.venv, "/h", "p")
    assert not {"PYTHONPATH", "GIT_DIR"} & seen.keys()
    assert seen["GIT_ALLOW_PROTOCOL"] == "https:ssh:git:file"


@pytest.mark.parametrize(("log", "words"), [
    ("OSError: [Errno 28] No space left on device", "disk is full"),
    ("Error: ensurepip is not available", "python3-venv"),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one that was pinned"),
    ("ERROR: No matching distribution found for torch==9.9", "check the pin"),
    ("Could not resolve host: packages.example", "cannot be reached"),
    ("git@h: Permission denied (publickey).", "git credentials"),
    ("fatal: remote error: upload-pack: not our ref 000", "no such commit"),
    ("something new", ""),
])
def test_known_failures_have_a_remedy(log: str, words: str) -> None:
    assert words in remedy_for(log)
    assert bool(remedy_for(log)) is bool(words)


HOSTS = """\
environments:
  torch:
    requirements: pins.txt
    {line}
hosts:
  gb10: {{address: gb10.example, gpus: 1, environment: torch}}
  h100: {{address: h100.example, gpus: 1}}
"""


def test_hosts_take_an_environment_by_name(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(HOSTS.format(line='python: "3.12"'))
    inventory = load_inventory(path, tmp_path)
    assert inventory.host("h100").environment is None
    found = inventory.host("gb10").environment
    assert found == EnvironmentEntry("torch", tmp_path / "pins.txt", python="3.12")
    assert inventory.host("gb10").public()["environment"] == "torch"


@pytest.mark.parametrize(("line", "complaint"), [
    ("python: 3.12", r"hosts\.yaml:4: environments\.torch\.python: expected a valid string"),
    ("index: cuda", r"hosts\.yaml:4: environments\.torch\.index: 'cuda' is not one of auto"),
    ("index: none", r"hosts\.yaml:4: environments\.torch\.index: with no index"),
    ("builder: conda", r"hosts\.yaml:4: environments\.torch\.builder"),
    ("find_links: ../wheels", r"hosts\.yaml:4: environments\.torch\.find_links"),
    ("requirement: x", r"hosts\.yaml:4: environments\.torch\.requirement: unknown key, did you mean 'requirements'"),
])
def test_what_is_wrong_with_an_environment_is_said_by_key_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(HOSTS.format(line=line))
    with pytest.raises(CampaignFileError, match=complaint):
        load_inventory(path, tmp_path)


def test_an_environment_that_is_not_described_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text("hosts:\n  gb10: {address: gb10.example, environment: torch}\n")
    with pytest.raises(CampaignFileError, match=r"hosts\.yaml:2: hosts\.gb10\.environment: there is no environment"):
        load_inventory(path, tmp_path)
