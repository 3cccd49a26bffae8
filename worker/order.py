"""One launch's documents, read, held against their digests, and found in agreement with each other and the host."""

from __future__ import annotations

import os
from dataclasses import dataclass

from worker.durable import read_file
from worker.paths import AttemptDir, Root
from worker.trainer_command import BUNDLE
from worker.wire import (
    DOCUMENT_LIMIT_BYTES,
    ContractError,
    Dispatch,
    Document,
    is_attempt,
    is_digest,
    parse,
    parse_dispatch,
    sha256_hex,
)


class BadOrder(Exception):
    """The launch cannot be carried out as asked. Says why."""


@dataclass(frozen=True)
class Order:
    """What is to be run, and how."""

    root: Root
    attempt: AttemptDir
    dispatch_sha256: str
    dispatch: Dispatch
    dispatch_bytes: bytes
    entry: str
    steady: bool = False
    """The run goes to its horizon, with steps of one kind, all made by this attempt."""
    distils: bool = False


def read_order(root: Root, run_id: str, number: int, dispatch_sha256: str) -> Order:
    """The order for this attempt. Raises :class:`BadOrder`, or ``OSError``."""
    for value, name in ((run_id, "--run"), (dispatch_sha256, "--dispatch")):
        if not is_digest(value):
            raise BadOrder(f"{name} is not a sha256 in 64 lower-case hex digits")
    if not is_attempt(number):
        raise BadOrder(f"--attempt {number} is not an attempt's number")
    try:
        spec_path, dispatch_path = root.spec(run_id), root.dispatch(run_id, dispatch_sha256)
        spec = parse("spec", _read_exactly(spec_path, run_id), spec_path)
        data = _read_exactly(dispatch_path, dispatch_sha256)
        dispatch = parse_dispatch(data, dispatch_path)
    except ContractError as error:
        raise BadOrder(str(error)) from None
    _refuse_disagreement(dispatch, spec["needs"]["gpus"], run_id, number, root)
    return Order(root, root.attempt(run_id, number), dispatch_sha256, dispatch, data, spec["entry"],
                 _is_steady(spec, dispatch), spec.get("kd") is not None)


def _read_exactly(path: str, sha256: str) -> bytes:
    data = read_file(path, DOCUMENT_LIMIT_BYTES + 1)
    if data is None:
        raise BadOrder(f"{path} is missing")
    if sha256_hex(data) != sha256:
        raise BadOrder(f"{path} was altered: its sha256 is {sha256_hex(data)}")
    return data


def _refuse_disagreement(dispatch: Dispatch, spec_gpus: int, run_id: str, number: int, root: Root) -> None:
    for name, said, asked in (("run_id", dispatch.run_id, run_id), ("attempt", dispatch.attempt, number)):
        if said != asked:
            raise BadOrder(f"dispatch.json speaks of {name} {said}, the launch of {asked}")
    if dispatch.gpus < spec_gpus:
        raise BadOrder(f"the spec needs {spec_gpus} GPUs; dispatch.json gives {dispatch.gpus}")
    if dispatch.resume_from is not None and dispatch.continue_from is not None:
        raise BadOrder("dispatch.json asks to resume an attempt and to continue another run; it can do one of them")
    if dispatch.devices is not None and dispatch.gpus > len(set(dispatch.devices)):
        raise BadOrder(f"the run needs {dispatch.gpus} GPUs; dispatch.json names {len(set(dispatch.devices))} devices")
    # A bundle directory is named by its digest: the manifest must not name code that did not run.
    parent, name = os.path.split(BUNDLE)
    if os.path.realpath(parent) == os.path.join(os.path.realpath(root.path), "bundles") and name != dispatch.bundle:
        raise BadOrder(f"dispatch.json asks for bundle {dispatch.bundle}; this is {name}")


def _is_steady(spec: Document, dispatch: Dispatch) -> bool:
    return spec.get("stop_at_target") is None and not spec.get("stages") and \
        dispatch.resume_from is None and dispatch.continue_from is None
