"""What a host's facts mean for training: driver, GPUs, torch, and the kernels that were tried. Pure functions.

The trial decides. A driver that cannot tell a GPU's memory, or a torch that warns of a capability it does not list,
is no failure where kernels ran and gradients came out right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator.dispatch.finding import Finding, fail, ok, skip, warn
from orchestrator.dispatch.judge_system import Facts, size
from orchestrator.transport.inventory import HostEntry

OLDEST_PYTHON = (3, 10)
SHOWN_PROCESSES = 4
_FLASH = {"fa3": "FlashAttention-3", "fa2": "FlashAttention-2", "sdpa_flash": "torch's own"}


def judge_gpus(entry: HostEntry, facts: Facts) -> Iterator[Finding]:
    """Every line about what trains."""
    yield _driver(entry, facts)
    yield _gpus(entry, facts)
    yield _users(entry, facts)
    trainer = facts.get("trainer")
    trainer = trainer if isinstance(trainer, Mapping) else {}
    yield _torch(entry, trainer)
    checks = trainer.get("checks")
    checks = checks if isinstance(checks, Mapping) else {}
    if not checks:
        has_torch = trainer.get("torch") and not trainer.get("error")
        why = "kernels were not asked for" if has_torch else "there is no torch to try it with"
        yield from (skip(subject, why) for subject in ("kernel", "backward", "flash"))
        return
    yield _kernel(entry, facts, _check(checks, "kernel"))
    if _check(checks, "kernel").get("ok") is not True:
        yield from (skip(subject, "no kernel runs") for subject in ("backward", "flash"))
        return
    yield _backward(_check(checks, "backward"), _check(checks, "compiled"))
    yield _flash(checks)


def _driver(entry: HostEntry, facts: Facts) -> Finding:
    problem, driver = facts.get("gpu_error"), facts.get("driver")
    if problem:
        remedy = "reinstall the NVIDIA driver there, or reboot if it was just upgraded; then run nvidia-smi by hand"
        return (fail if entry.gpus else warn)("driver", str(problem), remedy)
    if driver is None:
        if entry.gpus:
            return fail("driver", "no NVIDIA driver and no nvidia-smi", "install the NVIDIA driver there, or correct "
                        "'gpus:' in hosts.yaml")
        return skip("driver", "no NVIDIA driver; hosts.yaml asks for no GPU")
    cuda = facts.get("driver_cuda")
    return ok("driver", f"{driver}{f', serves CUDA up to {cuda}' if cuda else ''}")


def _gpus(entry: HostEntry, facts: Facts) -> Finding:
    gpus = _list(facts, "gpus")
    devices = {d for g in gpus for d in (g.get("uuid"), *(m.get("uuid") for m in g.get("mig") or ()))}
    if entry.devices is not None and (lost := [d for d in entry.devices if d not in devices]):
        return fail("gpus", f"{', '.join(lost)} {'is' if len(lost) == 1 else 'are'} not on this host",
                    "correct 'devices:' in hosts.yaml; nvidia-smi -L there lists them")
    usable = sum(len(g.get("mig") or ()) or 1 for g in gpus)
    if usable < entry.gpus:
        return fail("gpus", f"{usable} found, hosts.yaml says {entry.gpus}",
                    "see nvidia-smi there, or correct 'gpus:' in hosts.yaml")
    if not gpus:
        return skip("gpus", "none, and none asked for")
    fact = "; ".join(_device_words(g, facts) for g in gpus)
    if not entry.gpus:
        return warn("gpus", f"{fact}; hosts.yaml gives none of them to runs", f"set 'gpus: {usable}' there to use them")
    return ok("gpus", fact)


def _device_words(gpu: Mapping[str, Any], facts: Facts) -> str:
    words = [str(gpu.get("name") or "?")]
    memory, total = gpu.get("memory_mib"), facts.get("memory_mib")
    if isinstance(memory, int):
        words.append(size(memory << 20))
    elif isinstance(total, int):
        words.append(f"shares the host's {size(total << 20)}")
    if gpu.get("compute_capability"):
        words.append(f"sm_{str(gpu['compute_capability']).replace('.', '')}")
    if gpu.get("mig"):
        words.append("MIG " + " ".join(str(m.get("profile")) for m in gpu["mig"]))
    return ", ".join(words)


def _users(entry: HostEntry, facts: Facts) -> Finding:
    if not _list(facts, "gpus"):
        return skip("gpu use", "no GPU")
    wanted = None if entry.devices is None else set(entry.devices)
    running = [p for p in _list(facts, "gpu_processes") if wanted is None or p.get("gpu") in wanted]
    foreign = [p for p in running if not p.get("kdorch")]
    if not foreign:
        own = f"; {len(running)} of kdorch's" if running else ""
        return ok("gpu use", f"no foreign process{own}")
    shown = ", ".join(map(_process_words, foreign[:SHOWN_PROCESSES]))
    if len(foreign) > SHOWN_PROCESSES:
        shown += f" and {len(foreign) - SHOWN_PROCESSES} more"
    if entry.share_gpus:
        return ok("gpu use", f"shared, as hosts.yaml says: {shown}")
    return warn("gpu use", f"in use by {shown}",
                "runs wait until it is gone; ask its owner, or set 'share_gpus: true' in hosts.yaml")


def _process_words(process: Mapping[str, Any]) -> str:
    memory = process.get("memory_mib")
    held = f", {size(memory << 20)}" if isinstance(memory, int) else ""
    return f"{process.get('name')} (pid {process.get('pid')}, {process.get('user') or 'another user'}{held})"


def _torch(entry: HostEntry, trainer: Mapping[str, Any]) -> Finding:
    path = trainer.get("path") or entry.python
    needed = fail if entry.gpus else warn
    if entry.environment is not None and trainer.get("missing"):
        return warn("torch", f"the environment {entry.environment.name!r} is not built there yet",
                    f"run 'kdorch host prepare {entry.name}'")
    if trainer.get("error") and trainer.get("torch") is None:
        return fail("torch", str(trainer["error"]), "set 'python:' in hosts.yaml to an interpreter that has torch")
    version = tuple(int(n) for n in str(trainer.get("python") or "0").split(".")[:2] if n.isdigit())
    if version < OLDEST_PYTHON:
        return fail("torch", f"{path} is Python {trainer.get('python')}", "set 'python:' to Python 3.10 or later")
    if trainer.get("torch") is None:
        why = str(trainer.get("torch_error") or "")
        if "No module named 'torch'" in why or not why:
            return needed("torch", f"not installed for {path}",
                          "install torch, numpy and safetensors there, let 'kdorch host prepare' build an environment, "
                          "or set 'python:' to an interpreter that has them")
        return fail("torch", f"{path} does not load it: {why}", "reinstall torch there")
    fact = f"{trainer['torch']} for Python {trainer.get('python')} at {path}"
    if trainer.get("numpy") is None:
        return fail("torch", f"{fact}, without numpy", f"run '{path} -m pip install numpy' there")
    if entry.gpus and trainer.get("cuda") is None:
        return fail("torch", f"{fact} is a build without CUDA",
                    "install the CUDA build of torch there (cu130 wheels serve GB10's arm64 too)")
    if trainer.get("error"):
        return warn("torch", f"{fact}; the trial did not end: {trainer['error']}",
                    "look at the GPU with nvidia-smi there")
    return ok("torch", fact)


def _kernel(entry: HostEntry, facts: Facts, check: Mapping[str, Any]) -> Finding:
    if check.get("ok") is None:
        return warn("kernel", f"not tried: {check.get('error')}", "examine the host again when its GPU is idle")
    if check.get("ok") is not True:
        return fail("kernel", str(check.get("error")),
                    "the driver and this build of torch do not go together on this GPU; install another of either")
    if check.get("device") == "cpu":
        if entry.gpus and _list(facts, "gpus"):
            said = f": {warnings[0]}" if (warnings := check.get("warnings")) else ""
            return fail("kernel", f"torch sees none of the {len(_list(facts, 'gpus'))} GPUs{said}",
                        "see whether this user may open /dev/nvidia*, and CUDA_VISIBLE_DEVICES in its login files")
        return ok("kernel", f"ran on the processor in {check.get('ms')} ms; there is no GPU for torch")
    seen = ", ".join(f"{d.get('name')} ({size(int(d.get('free_mib') or 0) << 20)} free)"
                     for d in check.get("devices") or ())
    noted = "; torch warned, and it ran all the same" if check.get("warnings") else ""
    return ok("kernel", f"allocated, launched and right on {seen}{noted}")


def _backward(eager: Mapping[str, Any], compiled: Mapping[str, Any]) -> Finding:
    if eager.get("ok") is not True:
        if eager.get("ok") is None:
            return warn("backward", f"not tried: {eager.get('error')}", "examine the host again when its GPU is idle")
        return fail("backward", str(eager.get("error")), "use this host for nothing that trains until that works")
    if compiled.get("ok") is False:
        return warn("backward", f"works; kernels made just in time do not: {compiled.get('error')}",
                    "leave compiling off for runs on this host, or keep them away with 'not: [sm_121 backward]' in "
                    "the campaign's needs; CUDA's own ptxas may help (TRITON_PTXAS_PATH=/usr/local/cuda/bin/ptxas)")
    tried = "also compiled" if compiled.get("ok") is True else f"compiled code not tried: {compiled.get('error')}"
    return ok("backward", f"gradients are right; {tried}")


def _flash(checks: Mapping[str, Any]) -> Finding:
    works = [words for name, words in _FLASH.items() if _check(checks, name).get("ok") is True]
    broken = [f"{words}: {_check(checks, name).get('error')}" for name, words in _FLASH.items()
              if _check(checks, name).get("ok") is False]
    if broken:
        return warn("flash", "; ".join([*(f"{w} works" for w in works), *broken]),
                    "install a build for this GPU and this torch; runs that need that kernel will not start")
    if works:
        return ok("flash", f"forward and backward right with {', '.join(works)}")
    reasons = {str(_check(checks, name).get("error")) for name in _FLASH}
    return skip("flash", "; ".join(sorted(reasons)))


def _check(checks: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    check = checks.get(name)
    return check if isinstance(check, Mapping) else {"ok": None, "error": "not tried"}


def _list(facts: Facts, key: str) -> Sequence[Mapping[str, Any]]:
    return [item for item in facts.get(key) or () if isinstance(item, Mapping)]
