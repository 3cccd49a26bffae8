"""What the resident host program can be asked to do: one method for each operation of the contract."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable
from typing import Any

from worker import anchors, assets, housekeeping, prepare, wire
from worker.durable import read_file, write_atomic
from worker.launch import Asked, look
from worker.launches import launch_in_child
from worker.limits import ask_to_stop
from worker.observe import observe
from worker.paths import AttemptDir, PathRefused, Root, open_beneath
from worker.pieces import read_piece, read_whole, unpacked
from worker.process import boot_id
from worker.requests import BODY_LIMIT_BYTES, Fields, Request, RequestRefused
from worker.root_identity import root_identity
from worker.tail import Followed, Tail

MAX_WAIT_S = 60.0
_PLACES = re.compile(r"runs/([0-9a-f]{64})/(?:spec|(?:dispatch|anchors)/([0-9a-f]{64}))\.json")

Result = tuple[dict[str, Any], bytes]


class Operations:
    """The operations on one root.

    ``interrupted`` waits, for a descriptor as well, and tells whether the client has sent something else; ``beat``
    tells it that a long operation goes on.
    """

    def __init__(self, root: Root, interrupted: Callable[..., bool], beat: Callable[[], None]) -> None:
        self._root, self._beat = root, beat
        self._tail_of = Tail(interrupted)
        self._table: dict[str, Callable[[Fields, bytes], Result]] = {
            "hello": self._hello, "ping": self._ping, "place": self._place, "launch": self._launch,
            "probe": self._probe, "read": self._read, "read_many": self._read_many,
            "tail": self._tail, "stop": self._stop, "adopt": self._adopt, "has": self._has,
            "asset_put": self._asset_put, "asset_read": self._asset_read, "doctor": self._doctor,
            "anchors": lambda _fields, _body: anchors.kept(root),
            **prepare.operations(root, interrupted), **housekeeping.operations(root),
        }

    def perform(self, request: Request) -> Result:
        """Carry out a request. Raises :class:`RequestRefused` for everything that is answered with an error."""
        if request.broken is not None:
            raise request.broken
        operation = self._table.get(request.op)
        if operation is None:
            raise RequestRefused("unknown_op", f"operation {request.op!r} is unknown")
        try:
            return operation(request.fields, request.body)
        except PathRefused as error:
            raise RequestRefused("refused_path", str(error)) from None
        except FileNotFoundError as error:
            raise RequestRefused("not_found", f"{error.filename or 'it'} is not here") from None
        except OSError as error:
            raise RequestRefused("io_error", str(error)) from None

    def _hello(self, _fields: Fields, _body: bytes) -> Result:
        return {"contract": wire.CONTRACT, "python": platform.python_version(), "boot_id": boot_id(),
                "now": wire.utc(time.time()), "root": self._root.path, "root_id": root_identity(self._root),
                "pid": os.getpid()}, b""

    def _ping(self, _fields: Fields, _body: bytes) -> Result:
        return {}, b""

    def _place(self, fields: Fields, body: bytes) -> Result:
        """All documents are checked before the first is written."""
        pending: list[tuple[str, bytes]] = []
        at = 0
        for item in fields.items("documents"):
            path, sha256, size = item.text("path"), item.digest("sha256"), item.count("size")
            data = body[at:at + size]
            at += size
            self._check_place(path, sha256, size, data)
            pending.append((os.path.join(self._root.path, path), data))
        if at != len(body):
            raise RequestRefused("bad_request", f"the documents have {at} bytes, the body {len(body)}")
        os.makedirs(self._root.path, mode=0o700, exist_ok=True)
        placed = 0
        for target, data in pending:
            if read_file(target, wire.DOCUMENT_LIMIT_BYTES + 1) != data:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                # Not synced: who reads it holds it against its digest, and a launch is always asked for after placing
                # anew. Two syncs a document would be most of the time that placing many takes.
                write_atomic(target, data, sync=False)
                placed += 1
        return {"placed": placed, "kept": len(pending) - placed}, b""

    def _check_place(self, path: str, sha256: str, size: int, data: bytes) -> None:
        match = _PLACES.fullmatch(path)
        if match is None:
            raise RequestRefused("refused_path", f"{path!r} is not a place for a document")
        if size > wire.DOCUMENT_LIMIT_BYTES:
            raise RequestRefused("too_large", f"{path} has {size} bytes; at most {wire.DOCUMENT_LIMIT_BYTES}")
        if len(data) != size or wire.sha256_hex(data) != sha256:
            raise RequestRefused("corrupt", f"{path} arrived with another digest or size")
        if sha256 != (match[2] or match[1]):
            raise RequestRefused("corrupt", f"{path} is not named by its content, which has sha256 {sha256}")

    def _launch(self, fields: Fields, _body: bytes) -> Result:
        """Places in the queue follow the order of the request."""
        asked = [Asked(item.digest("run_id"), item.attempt(), item.digest("dispatch"))
                 for item in fields.items("launches")]
        if fields.flag("start", True):
            answers = launch_in_child(self._root, asked, self._beat)
        else:
            answers = [look(self._root, one) for one in asked]
        results = [{"run_id": one.run_id, "attempt": one.number, "result": answer.result, "detail": answer.detail}
                   for one, answer in zip(asked, answers, strict=True)]
        return {"results": results}, b""

    def _probe(self, fields: Fields, _body: bytes) -> Result:
        return {"observations": [observe(self._attempt(item)) for item in fields.items("attempts")]}, b""

    def _read(self, fields: Fields, _body: bytes) -> Result:
        attempt, name = self._attempt(fields), fields.text("path")
        return read_piece(lambda: open_beneath(attempt.path, name), fields.count("offset"), fields.count("limit"),
                          squeeze=fields.flag("zlib", False))

    def _read_many(self, fields: Fields, _body: bytes) -> Result:
        return read_whole(self._attempt(fields).path, fields.texts("paths"))

    def _tail(self, fields: Fields, _body: bytes) -> Result:
        files = []
        for item in fields.items("files"):
            name = item.text("path")
            if not wire.is_safe_name(name):
                raise RequestRefused("refused_path", f"{name!r} is not a plain relative path")
            known = item.text("state") if "state" in item.values else None
            head = item.part("head")
            files.append(Followed(self._attempt(item), name, item.count("offset"), known,
                                  None if head is None else (head.count("bytes"), head.digest("sha256"))))
        limit = min(fields.count("limit"), BODY_LIMIT_BYTES)
        return self._tail_of.poll(files, fields.seconds("wait_s", most=MAX_WAIT_S), limit,
                                  news_only=fields.flag("news_only", False))

    def _stop(self, fields: Fields, _body: bytes) -> Result:
        """A request that is written stands; only one for waiting runs alone gives way to one that is not."""
        attempt, reason = self._attempt(fields), fields.text("reason", "stop requested")
        only_waiting = fields.flag("only_waiting", False)
        if not attempt.exists():
            raise RequestRefused("not_found", f"attempt {attempt.number} of run {attempt.run_id} is not here")
        if not os.path.lexists(attempt.file("exit.json")):
            ask_to_stop(attempt, reason, only_waiting=only_waiting)
        return {}, b""

    def _adopt(self, fields: Fields, _body: bytes) -> Result:
        return {"size": assets.adopt(self._root, self._attempt(fields), fields.text("path"),
                                     fields.digest("sha256"))}, b""

    def _has(self, fields: Fields, _body: bytes) -> Result:
        return {"present": assets.has(self._root, fields.digests("assets"))}, b""

    def _asset_put(self, fields: Fields, body: bytes) -> Result:
        if "zlib" in fields.values:
            body = unpacked(body, fields.count("zlib"))
        return {"have": assets.put(self._root, fields.digest("sha256"), fields.count("size"), fields.count("offset"),
                                   body)}, b""

    def _asset_read(self, fields: Fields, _body: bytes) -> Result:
        sha256 = fields.digest("sha256")
        return read_piece(lambda: assets.open_asset(self._root, sha256), fields.count("offset"), fields.count("limit"),
                          squeeze=fields.flag("zlib", False))

    def _doctor(self, fields: Fields, _body: bytes) -> Result:
        from worker.doctor import doctor  # deferred: whoever only runs or follows need not load what examines

        return doctor(self._root, fields.text("python", "") or None, kernels=fields.flag("kernels", True)), b""

    def _attempt(self, fields: Fields) -> AttemptDir:
        return self._root.attempt(fields.digest("run_id"), fields.attempt())
