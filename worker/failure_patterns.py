"""What failing trainers say, as data: one table of message shapes per failure class, and the sizes inside them.

Every expression is tried on one line of at most a few thousand characters, holds no nested repetition, and was
shaped on messages that torch, CUDA, NCCL, Triton and the kernel print. :mod:`worker.failures` decides with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One message. A ``symptom`` gives way to another failure of the same end: it is what a cause looks like from
    elsewhere, as when the peers of a dead rank see their collectives break."""

    word: str
    expression: re.Pattern[str]
    symptom: bool = False


CONTRACT_EXITS = {10: "bad_input", 11: "nan", 12: "oom", 13: "missing_backend", 14: "teacher_mismatch"}
"""The trainer's exit codes of contract v1."""

CRASH_SIGNALS = frozenset({3, 4, 5, 6, 7, 8, 11, 31})
"""QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS: how a program ends by its own doing. Other signals come from outside."""

APPLICATION_XIDS = frozenset({8, 13, 31, 43, 45, 68, 69})
"""Xids that a faulty kernel of the program itself causes: alone they name the failure, beside another they follow it.
Source: NVIDIA's catalogue of Xid errors, column "user application"."""

_BACKENDS = ("torch|numpy|safetensors|flash_attn|flash_attn_interface|flash_attn_3|kernels|triton|xformers|bitsandbytes"
             "|transformer_engine|apex|deepspeed|liger_kernel")

_TABLE: tuple[tuple[str, bool, tuple[str, ...]], ...] = (
    ("oom", False, (
        r"(?:CUDA|HIP|XPU|MPS backend) out of memory\b",
        r"CUDA error: out of memory",
        r"CUDA_ERROR_OUT_OF_MEMORY",
        r"Cuda failure (?:\d+ )?'out of memory'",
        r"CUBLAS_STATUS_ALLOC_FAILED",
        r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory)",
        r"Unable to allocate \d{1,12}(?:\.\d{1,6})? [KMGTP]?i?B\b",
        r"\[Errno 12\] Cannot allocate memory",
        r"^MemoryError\b",
        r"\b[Oo]ut of memory: Killed process \d+",
        r"\boom-kill:constraint=",
        r"Detected \d+ oom[-_]kill event",
        r"killed by the cgroup out-of-memory handler",
    )),
    ("xid", False, (
        r"NVRM: Xid \(PCI:[^)]{1,60}\): \d+",
        r"GPU has fallen off (?:of )?the bus",
        r"(?:CUDA error|cuda runtime error \(\d+\) ?): uncorrectable ECC error",
        r"(?:uncorrectable NVLink error was detected|GPU is lost\b|GPU requires reset)",
        r"CUDA_ERROR_ECC_UNCORRECTABLE",
    )),
    ("jit_crash", False, (
        r"ptxas fatal",
        r"PTXAS error: ",
        r"Value 'sm_\w{2,6}' is not defined for option 'gpu-name'",
        r"PTX JIT compilation failed",
        r"no kernel image is available for execution",
        r"device kernel image is invalid",
        r"PTX was compiled with an unsupported toolchain",
        r"CUDA error: an illegal instruction was encountered",
        r"(?:CUDA_ERROR_ILLEGAL_INSTRUCTION|CUDA_ERROR_NO_BINARY_FOR_GPU|CUDA_ERROR_INVALID_PTX)",
        r"LLVM ERROR: ",
        r"OutOfResources: out of resource: ",
        r"\b(?:nvrtc: error|NVRTC_ERROR_COMPILATION)",
    )),
    ("disk_full", False, (
        r"\bNo space left on device\b",
        r"\bDisk quota exceeded\b",
        r"PytorchStreamWriter failed writing file",
        r"inline_container\.cc:\d+\] \. unexpected pos \d+ vs \d+",
    )),
    ("nccl", True, (
        r"Watchdog caught collective operation timeout",
        r"watchdog (?:thread )?(?:terminated with exception|got stuck)",
        r"Exception \(either an error or timeout\) detected by watchdog",
        r"\bNCCL error\b",
        r"\bNCCL WARN\b",
        r"\bDistBackendError\b",
        r"\bnccl(?:UnhandledCudaError|SystemError|InternalError|InvalidUsage|RemoteError|InProgress)\b",
        r"Some NCCL operations have failed or timed out",
        r"Connection closed by (?:remote )?peer",
    )),
    ("nan", False, (
        r"^run_end step:\d+ reason:nan\b",
        r"(?:Function '\w{1,100}' )?returned nan values in its \d+(?:th|st|nd|rd) output",
        r"\b[Ll]oss (?:is|became|was|has become|went to) (?:nan|NaN|inf|infinite|not finite|non-finite)\b",
        r"\b[Nn]on-?finite (?:loss|gradient)",
    )),
    ("missing_backend", False, (
        rf"No module named '(?:{_BACKENDS})(?:\.[\w.]+)?'",
        r"Torch not compiled with CUDA enabled",
        r"Found no NVIDIA driver on your system",
        r"\bNo CUDA GPUs are available",
        r"No available kernel\. Aborting execution",
        r"FlashAttention only supports \w+ GPUs or newer",
        r"^ImportError: lib(?:cu|nv|nccl|torch)[\w.+-]*\.so",
        r"undefined symbol: ",
    )),
    ("bad_input", False, (
        r": error: (?:unrecognized arguments|the following arguments are required|argument \S+)",
    )),
    # The GPU's own word for "something went wrong": a fault of the code, of the GPU or of its driver. It stays a code
    # error, and stands behind an Xid that says which.
    ("code_error", True, (
        r"CUDA error: (?:unspecified launch failure|unknown error|an illegal memory access|misaligned address"
        r"|the launch timed out)",
    )),
    ("killed", True, (
        r"DataLoader worker \(pid\(?s?\)? [\d, ]+\) (?:is killed by signal: |exited unexpectedly)",
        r"Signal (?:9 \(SIGKILL\)|15 \(SIGTERM\)) received by PID \d+",
    )),
    ("code_error", True, (
        r"^Fatal Python error: ",
        r"^terminate called after throwing an instance of ",
    )),
)

SHAPES: tuple[Shape, ...] = tuple(Shape(word, re.compile(text), symptom) for word, symptom, texts in _TABLE
                                  for text in texts)
"""Tried in this order on a line; the first that is found names it."""

XID_NUMBER = re.compile(r"NVRM: Xid \(PCI:[^)]{1,60}\): (\d{1,4})")
KERNEL_OOM = re.compile(r"[Oo]ut of memory: Killed process |oom-kill:constraint=|oom[-_]kill event|"
                        r"cgroup out-of-memory handler")
"""The kernel's own account of a process that it killed for want of memory."""

REPORTERS = re.compile(r"(?:^|\.)(?:ChildFailedError|CalledProcessError|ProcessRaisedException"
                       r"|ProcessExitedException)\b")
"""Exceptions of launchers, which say that a child failed and not why."""

DISREGARDED = re.compile(r"^(?:Exception ignored |--- Logging error ---|Error in atexit\._run_exitfuncs|"
                         r"Exception in thread )")
"""What introduces a traceback that ends no program."""

PROGRESS = re.compile(r"step:\d+/\d+ (?:train|val)_loss:")
"""A trainer that prints such a line has survived what it said before."""

PHASES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("backward", re.compile(r", in (?:\w*_)?(?:backward|bwd)\w*$|autograd[/\\]")),
    ("optimizer", re.compile(r", in (?:optimizer_step|\w*adam\w*|\w*muon\w*)$|[/\\]optim[/\\]")),
    ("checkpoint", re.compile(r", in (?:save|_save|\w*checkpoint\w*)$|serialization\.py")),
    ("soft", re.compile(r", in \w*(?:soft|kd|kl|distill)\w*$")),
    ("teacher", re.compile(r", in \w*teacher\w*$")),
    ("validation", re.compile(r", in \w*(?:validat|evaluat)\w*$")),
    ("forward", re.compile(r", in (?:\w*_)?forward\w*$")),
)
"""The part of a step, from a traceback's frames; the first that any frame matches names it."""

NAMED_PHASE = re.compile(r"\bphase[:=] ?([a-z_]{1,32})\b")
"""A trainer that knows its phase may write it on the failure's own line."""

_SIZE = r"(\d{1,15}(?:\.\d{1,6})?) ?([KMGTP]?i?B|bytes)"
TRIED = re.compile(rf"(?:[Tt]ried to allocate|Unable to allocate) {_SIZE}")
FREE = (
    re.compile(rf"of which {_SIZE} is free"),  # torch 2.1 and later
    re.compile(rf"; {_SIZE} free;"),  # before
)
MIB_PER_UNIT = {
    "bytes": 2.0**-20, "B": 2.0**-20, "KiB": 2.0**-10, "MiB": 1.0, "GiB": 2.0**10, "TiB": 2.0**20, "PiB": 2.0**30,
    "KB": 1e3 / 2**20, "MB": 1e6 / 2**20, "GB": 1e9 / 2**20, "TB": 1e12 / 2**20, "PB": 1e15 / 2**20,
}
