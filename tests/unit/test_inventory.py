"""The hosts file: what it may say, and that every complaint names file, line and key."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError, UnknownHost, UsageError
from orchestrator.transport.inventory import Inventory, load_inventory

EXAMPLE = """\
hosts:
  h100: {address: h100.example, port: 22, user: kd, identity: ~/.ssh/id_ed25519, gpus: 1, python: python3,
         root: ~/.kdorch-host}
  here: {transport: local, gpus: 0}
lanes:
  default: [h100, here]
"""

Load = Callable[[str], Inventory]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> Inventory:
        (tmp_path / "hosts.yaml").write_text(text)
        return load_inventory(tmp_path / "hosts.yaml", tmp_path / "home")

    return load


def test_the_example_of_the_documentation(load: Load) -> None:
    inventory = load(EXAMPLE)
    h100, here = inventory.host("h100"), inventory.host("here")
    assert (h100.transport, h100.address, h100.port, h100.user) == ("ssh", "h100.example", 22, "kd")
    assert (h100.identity, h100.python, h100.root) == (Path.home() / ".ssh/id_ed25519", "python3", "~/.kdorch-host")
    assert (h100.gpus, h100.slots, h100.where) == (1, 1, "kd@h100.example:22")
    assert (here.transport, here.gpus, here.slots, here.where) == ("local", 0, 1, "this machine")
    assert inventory.lanes == {"default": ("h100", "here")}
    assert set(inventory.hosts) == {"h100", "here", "local"}


@pytest.mark.parametrize("path", [None, Path("no-such-dir/hosts.yaml")])
def test_without_a_file_there_is_this_machine(path: Path | None, tmp_path: Path) -> None:
    inventory = load_inventory(path, tmp_path / "home")
    local = inventory.host("local")
    assert (local.transport, local.root, local.python) == ("local", str(tmp_path / "home" / "host"), sys.executable)
    assert (local.gpus, local.slots) == (0, 1)
    assert inventory.lanes == {"default": ("local",)}
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.yaml: there is no such hosts file"):
        load_inventory(tmp_path / "absent.yaml", tmp_path, required=True)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "hosts: {}\n", "hosts: {}\nlanes: {}\n"])
def test_an_empty_file_says_nothing_against_this_machine(load: Load, text: str) -> None:
    assert load(text).lanes == {"default": ("local",)}


def test_local_may_be_overridden_and_keeps_its_place(load: Load, tmp_path: Path) -> None:
    local = load("hosts: {local: {gpus: 2, python: /opt/py/bin/python3}}").host("local")
    assert (local.transport, local.gpus, local.slots, local.python) == ("local", 2, 2, "/opt/py/bin/python3")
    assert local.root == str(tmp_path / "home" / "host")


def test_a_local_host_of_another_name_shares_the_usual_root(load: Load) -> None:
    here = load("hosts: {here: {transport: local}}").host("here")
    assert (here.root, here.python) == ("~/.kdorch-host", sys.executable)


@pytest.mark.parametrize(("keys", "slots"), [("", 1), ("gpus: 0", 1), ("gpus: 4", 4), ("gpus: 2, slots: 3", 3),
                                             ("slots: 5", 5)])
def test_slots_are_the_gpus_or_one(load: Load, keys: str, slots: int) -> None:
    assert load(f"hosts: {{a: {{address: a.example, {keys}}}}}").host("a").slots == slots


def test_what_is_not_given_is_left_to_ssh_config(load: Load) -> None:
    entry = load("hosts: {a: {address: a.example}}").host("a")
    assert (entry.port, entry.user, entry.identity, entry.ssh_config) == (None, None, None, None)
    assert entry.where == "a.example"


def test_without_lanes_the_default_one_is_the_hosts_in_order(load: Load) -> None:
    text = "hosts: {z: {address: z.example}, a: {address: a.example}}\nlanes: {slow: [local]}"
    assert load(text).lanes == {"slow": ("local",), "default": ("z", "a")}


def test_files_of_this_machine_are_found_from_the_hosts_file(load: Load, tmp_path: Path) -> None:
    keys = "address: a.example, identity: keys/id, certificate: /c-cert.pub, ssh_config: cfg"
    entry = load(f"hosts: {{a: {{{keys}}}}}").host("a")
    assert entry.identity == tmp_path / "keys" / "id"
    assert (entry.certificate, entry.ssh_config) == (Path("/c-cert.pub"), str(tmp_path / "cfg"))
    assert load("hosts: {a: {address: a.example, ssh_config: none}}").host("a").ssh_config == "none"


def test_jump_hosts_are_entries_wherever_they_stand(load: Load) -> None:
    text = "hosts:\n  c: {address: c.example, jump: b}\n  b: {address: b.example, jump: a}\n  a: {address: a.example}\n"
    inventory = load(text)
    jump = inventory.host("c").jump
    assert jump is inventory.host("b")
    assert jump is not None
    assert jump.jump is inventory.host("a")
    assert list(inventory.hosts) == ["local", "c", "b", "a"]


def test_an_unknown_host_is_answered_with_the_known_ones(load: Load) -> None:
    with pytest.raises(UnknownHost, match="there is no host 'h200'; known: h100, here, local") as refused:
        load(EXAMPLE).host("h200")
    assert refused.value.exit_code == 2


def test_facts_and_public_say_what_planning_and_people_may_know(load: Load) -> None:
    inventory = load(EXAMPLE)
    facts = inventory.facts()["h100"]
    assert (facts.name, facts.gpus, facts.slots) == ("h100", 1, 1)
    assert (facts.python, facts.root) == ("python3", "~/.kdorch-host")
    assert inventory.host("h100").public() == {
        "name": "h100", "transport": "ssh", "address": "h100.example", "port": 22, "user": "kd", "jump": None,
        "gpus": 1, "slots": 1, "python": "python3", "root": "~/.kdorch-host", "environment": None,
        "identity": str(Path.home() / ".ssh/id_ed25519"), "devices": None, "per_gpu": 1, "gpu_memory_mib": None,
        "share_gpus": False, "price_per_hour": None}


def test_machine_time_has_each_hosts_own_price_unless_one_is_given(load: Load) -> None:
    inventory = load("hosts:\n  a: {address: a.example, gpus: 2, price_per_hour: 3}\n"
                     "  b: {address: b.example, gpus: 1, per_gpu: 2, price_per_hour: 1.5}\n")
    own = inventory.prices().cost([("a", 3_600_000), ("b", 7_200_000), ("local", 1000)])
    assert (own.amount, dict(own.by_host), own.unpriced) == (4.5, {"a": 3.0, "b": 1.5}, ("local",))
    given = inventory.prices(2.0).cost([("a", 1_800_000), ("gone", 3_600_000)])
    assert (given.amount, given.unpriced) == (3.0, ())
    assert inventory.prices().cost([("gone", 1000)]).amount is None, "no price is not a price of 0"


WRONG = [
    ("hosts:\n  a: {address: a.example, price_per_hour: -1}\n", 2, "hosts.a.price_per_hour", "a number from 0 to"),
    ("hosts:\n  a: {address: a.example, price_per_hour: .nan}\n", 2, "hosts.a.price_per_hour", "a number from 0 to"),
    ("hosts:\n  a: {address: a.example, price_per_hour: '2'}\n", 2, "hosts.a.price_per_hour", "a number from 0 to"),
    ("hosts: [", 1, "", "not YAML"),
    ("hosts:\n  a: {address: a.example}\n b: 1\n", 3, "", "not YAML"),
    ("- a\n- b\n", 1, "", "expected a mapping"),
    ("hosts: 3\n", 1, "hosts", "expected a valid dictionary"),
    ("hosts:\n  a: 3\n", 2, "hosts.a", "expected"),
    ("hsots: {}\n", 1, "hsots", "unknown key, did you mean 'hosts'"),
    ("hosts:\n  a:\n    address: a.example\n    gpu: 1\n", 4, "hosts.a.gpu", "unknown key, did you mean 'gpus'"),
    ("hosts:\n  a:\n    gpus: 1\n", 2, "hosts.a", "'address' is missing"),
    ("hosts:\n  a:\n    address: a.example\n    port: '22'\n", 4, "hosts.a.port", "valid integer, not '22'"),
    ("hosts:\n  a:\n    address: a.example\n    port: 70000\n", 4, "hosts.a.port", "less than or equal to 65535"),
    ("hosts:\n  a:\n    address: a.example\n    gpus: -1\n", 4, "hosts.a.gpus", "greater than or equal to 0"),
    ("hosts:\n  a:\n    address: a.example\n    gpus: 2\n    slots: 1\n", 5, "hosts.a.slots", "too few for 2 GPUs"),
    ("hosts:\n  a:\n    address: a.example\n    transport: smoke\n", 4, "hosts.a.transport", "'ssh' or 'local'"),
    ("hosts:\n  a: {address: a.example}\n  a: {address: b.example}\n", 3, "hosts.a", "stands here twice"),
    ("hosts:\n  A100: {address: a.example}\n", 2, "hosts.A100", "a-z, 0-9"),
    ("hosts:\n  'a b': {address: a.example}\n", 2, "hosts.a b", "a-z, 0-9"),
    ("hosts:\n  a:\n    transport: local\n    port: 22\n", 4, "hosts.a.port", "no meaning for this machine"),
    ("hosts:\n  local:\n    address: a.example\n", 3, "hosts.local.address", "no meaning for this machine"),
    ("hosts:\n  a:\n    address: a.example\n    certificate: c\n", 4, "hosts.a.certificate", "needs its private key"),
    ("hosts:\n  a:\n    address: a.example\n    jump: b\n", 4, "hosts.a.jump", "there is no host 'b'"),
    ("hosts:\n  a:\n    address: a.example\n    jump: a\n", 4, "hosts.a.jump", "a -> a never arrives"),
    ("hosts:\n  a: {address: a.example, jump: b}\n  b: {address: b.example, jump: a}\n", 3, "hosts.b.jump",
     "a -> b -> a never arrives"),
    ("hosts:\n  h: {transport: local}\n  a: {address: a.example, jump: h}\n", 3, "hosts.a.jump", "is this machine"),
    ("lanes:\n  fast: []\n", 2, "lanes.fast", "at least one host"),
    ("lanes:\n  fast:\n    - local\n    - h100\n", 4, "lanes.fast.1", "there is no host 'h100'"),
    ("lanes:\n  fast: [local, local]\n", 2, "lanes.fast.1", "stands here twice"),
    ("lanes:\n  Fast: [local]\n", 2, "lanes.Fast", "a-z, 0-9"),
    ("hosts:\n  a:\n    address: !!python/name:os.system x\n", 3, "hosts.a.address", "not a plain value"),
    ("hosts:\n  ? [x]\n  : 1\n", 2, "", "plain word"),
    ("x: " + "[" * 40 + "]" * 40, 1, "", "nested more than"),
]


@pytest.mark.parametrize(("text", "line", "key", "complaint"), WRONG, ids=[w[3][:28] for w in WRONG])
def test_what_is_wrong_is_named_by_line_and_key(load: Load, tmp_path: Path, text: str, line: int, key: str,
                                                complaint: str) -> None:
    with pytest.raises(CampaignFileError) as refused:
        load(text)
    assert complaint in refused.value.message
    assert refused.value.message.startswith(f"{tmp_path / 'hosts.yaml'}:{line}: ")
    assert (refused.value.line, refused.value.key, refused.value.exit_code) == (line, key, 2)


@pytest.mark.parametrize("raw", [b"hosts: {a: \xff}", b"hosts: \x00", b"\x80" * 10])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "hosts.yaml").write_bytes(raw)
    with pytest.raises(CampaignFileError):
        load_inventory(tmp_path / "hosts.yaml", tmp_path)


@pytest.mark.parametrize(("key", "value"), [
    ("address", "-oProxyCommand=evil"), ("address", "a b"), ("address", "a;b"), ("address", "$(id)"), ("address", ""),
    ("address", "kd@h100"), ("user", "-l"), ("user", "kd;id"), ("user", "a b"), ("user", "$USER"),
    ("root", "relative/path"), ("root", "~other/x"), ("root", "/a b"), ("root", "/a;b"), ("root", "/a/$HOME"),
    ("root", "/"), ("root", "~"), ("root", "/a/../b"), ("root", "/a'b"), ("root", "/a\\nb"), ("root", "~/../x"),
    ("python", "-c"), ("python", "python3 -O"), ("python", "a/b"), ("python", "$(x)"), ("python", "../python"),
    ("python", "`x`"), ("python", "/usr/../bin/python"),
])
def test_values_for_a_command_line_have_plain_characters(load: Load, key: str, value: str) -> None:
    keys = {"address": "a.example", key: value}
    with pytest.raises(CampaignFileError) as refused:
        load("hosts:\n  a:\n" + "".join(f'    {k}: "{v}"\n' for k, v in keys.items()))
    assert refused.value.key == f"hosts.a.{key}"


@pytest.mark.parametrize(("key", "value"), [
    ("address", "192.0.2.7"), ("address", "fe80::1"), ("address", "gpu-1.lab.example"), ("address", "my_alias"),
    ("user", "kd"), ("user", "first.last"), ("user", "_svc-1"), ("root", "/data/kd/.kdorch"), ("root", "~/x/y"),
    ("root", "/mnt/nvme0/a@b=c+d/"), ("python", "python3.12"), ("python", "~/venv/bin/python"),
    ("python", "/opt/conda/envs/kd/bin/python"),
])
def test_plain_values_are_taken_as_they_are(load: Load, key: str, value: str) -> None:
    keys = {"address": "a.example", key: value}
    entry = load("hosts:\n  a:\n" + "".join(f'    {k}: "{v}"\n' for k, v in keys.items())).host("a")
    assert getattr(entry, key) == value


GPUS = """
hosts:
  h100: {address: h100.example, gpus: 2, per_gpu: 2, gpu_memory: 20GiB}
  gb10: {address: gb10.example, devices: [GPU-ab12], share_gpus: true, gpu_memory_mib: 512}
lanes:
  default: [{host: h100, max_wait: 30m}, gb10]
"""


def test_hosts_say_how_their_gpus_may_be_used_and_lanes_how_long_a_run_waits(load: Load) -> None:
    inventory = load(GPUS)
    h100, gb10 = inventory.facts()["h100"], inventory.facts()["gb10"]
    assert (h100.gpus, h100.slots, h100.per_gpu, h100.gpu_memory_mib, h100.devices) == (2, 4, 2, 20480, None)
    assert (gb10.gpus, gb10.devices, gb10.share_gpus, gb10.gpu_memory_mib) == (1, ("GPU-ab12",), True, 512)
    assert inventory.lanes["default"] == ("h100", "gb10")
    assert inventory.patience == {"default": {"h100": 1800}}


def test_a_device_of_an_old_driver_may_have_slashes(load: Load) -> None:
    named = "MIG-GPU-ab12-34/1/0"
    assert load(GPUS.replace("GPU-ab12", named)).facts()["gb10"].devices == (named,)


@pytest.mark.parametrize(("change", "says"), [
    (("30m", "soon"), r"hosts\.yaml:6: lanes.default.0.max_wait: expected a duration"),
    (("max_wait: 30m", "max_weight: 30m"), r"lanes.default.0.max_weight: unknown key, did you mean 'max_wait'"),
    (("gb10]", "7]"), r"lanes.default.1: expected a host's name"),
    (("gpus: 2, ", ""), "no meaning for a host without GPUs"),
    (("[GPU-ab12]", "[GPU-ab12, GPU-ab12]"), "stands here twice"),
    (("[GPU-ab12]", "['GPU 0']"), "UUID"),
    (("[GPU-ab12]", "[MIG-GPU-ab12/../0]"), "UUID"),
    (("[GPU-ab12]", "[MIG-GPU-ab12/1]"), "UUID"),
    (("[GPU-ab12]", "[GPU-ab12/1/0]"), "UUID"),
    (("20GiB", "20"), "memory with its unit"),
    (("devices", "gpus: 3, devices"), "1 devices are listed for 3 GPUs"),
    (("gpus: 2,", "gpus: 2, gpu_memory_mib: 5,"), "not both"),
])
def test_what_is_wrong_with_gpus_and_lanes_is_said_at_its_place(load: Load, change: tuple[str, str],
                                                                says: str) -> None:
    with pytest.raises(CampaignFileError, match=says):
        load(GPUS.replace(*change))


@pytest.mark.parametrize("value", ["hunter2", "12345", "'env:'", "env:a-b", "[hunter2]", "null"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(load: Load, value: str) -> None:
    text = f"hosts:\n  a:\n    address: a.example\n    identity: id\n    passphrase: {value}\n"
    if value == "null":
        assert load(text).host("a").passphrase_variable is None
        return
    with pytest.raises(CampaignFileError, match="use 'env:NAME'") as refused:
        load(text)
    assert (refused.value.line, refused.value.key) == (5, "hosts.a.passphrase")
    assert "hunter2" not in str(refused.value)
    assert "12345" not in str(refused.value)


def test_a_passphrase_is_named_by_its_variable(load: Load) -> None:
    entry = load("hosts:\n  a: {address: a.example, identity: id, passphrase: 'env:KEY_PASSPHRASE'}\n").host("a")
    assert entry.passphrase_variable == "KEY_PASSPHRASE"
    with pytest.raises(CampaignFileError, match="needs its private key"):
        load("hosts:\n  a: {address: a.example, passphrase: 'env:KEY_PASSPHRASE'}\n")
