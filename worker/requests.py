"""Requests and answers of the resident host program, and the line channel that carries them."""

from __future__ import annotations

import json
import math
import os
import select
import threading
from dataclasses import dataclass
from typing import Any

from worker.durable import write_all
from worker.wire import is_attempt, is_digest

LINE_LIMIT_BYTES = 4 << 20
BODY_LIMIT_BYTES = 64 << 20
_READ_BYTES = 1 << 16


class RequestRefused(Exception):
    """A request that is answered with an error: ``code`` for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Fields:
    """The keys of a request or of one of its items, taken out with their types checked."""

    values: dict[str, Any]

    def digest(self, key: str) -> str:
        value = self._get(key)
        if not is_digest(value):
            raise _bad(key, "64 lower-case hex digits", value)
        return str(value)

    def attempt(self) -> int:
        value = self._get("attempt")
        if not is_attempt(value):
            raise _bad("attempt", "an attempt's number", value)
        return int(value)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key) if default is None else self.values.get(key, default)
        if not isinstance(value, str):
            raise _bad(key, "a string", value)
        return value

    def count(self, key: str, default: int | None = None, *, most: int = 1 << 62) -> int:
        value = self._get(key) if default is None else self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise _bad(key, f"an integer from 0 to {most}", value)
        return value

    def seconds(self, key: str, *, most: float) -> float:
        """A duration, capped at ``most``."""
        value = self._get(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
            raise _bad(key, "a number of seconds", value)
        return min(float(value), most)

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise _bad(key, "true or false", value)
        return value

    def digests(self, key: str) -> list[str]:
        value = self._get(key)
        if not isinstance(value, list) or not all(is_digest(v) for v in value):
            raise _bad(key, "a list of digests", value)
        return list(value)

    def texts(self, key: str) -> list[str]:
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise _bad(key, "a list of strings", value)
        return list(value)

    def part(self, key: str) -> Fields | None:
        """An object under ``key``, or None where there is none."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            raise _bad(key, "an object", value)
        return None if value is None else Fields(value)

    def items(self, key: str) -> list[Fields]:
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise _bad(key, "a list of objects", value)
        return [Fields(v) for v in value]

    def _get(self, key: str) -> Any:
        if key not in self.values:
            raise RequestRefused("bad_request", f"key {key!r} is missing")
        return self.values[key]


@dataclass(frozen=True)
class Request:
    """One request. ``broken`` says why it cannot be carried out, if the channel found a reason."""

    id: Any
    op: str
    fields: Fields
    body: bytes
    broken: RequestRefused | None = None


class LineChannel:
    """Requests in, answers out, each a JSON line with ``body_bytes`` raw bytes behind it."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._buffer = bytearray()
        self._over = False
        self._speaking = threading.Lock()
        self._current: Any = None

    def next_request(self) -> Request | None:
        """The next request, or None at the end of input. Broken ones come with their reason; nothing is raised."""
        request = self._next_request()
        self._current = None if request is None else request.id
        return request

    def beat(self) -> None:
        """Say that the request is being worked on. Any thread may. Raises ``BrokenPipeError`` when nobody listens."""
        line = json.dumps({"beat": self._current}, separators=(",", ":")) + "\n"
        with self._speaking:
            write_all(self._write_fd, line.encode())

    def _next_request(self) -> Request | None:
        line = self._line()
        if line is None:
            return None
        if len(line) > LINE_LIMIT_BYTES:
            return _broken(None, "too_large", f"a line has at most {LINE_LIMIT_BYTES} bytes")
        try:
            header = json.loads(line)
        except (ValueError, RecursionError) as error:
            return _broken(None, "bad_request", f"not a JSON line: {error}")
        if not isinstance(header, dict):
            return _broken(None, "bad_request", "not a JSON object")
        number, size = header.get("id"), header.get("body_bytes", 0)
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            return _broken(number, "bad_request", "body_bytes is not a size")
        if size > BODY_LIMIT_BYTES:
            return _broken(number, "too_large", f"a body has at most {BODY_LIMIT_BYTES} bytes") \
                if self._skip(size) else None
        body = self._exactly(size)
        if body is None:
            return None
        return Request(number, str(header.get("op")), Fields(header), body)

    def answer(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Send one answer. Raises ``BrokenPipeError`` when nobody listens."""
        line = json.dumps({**header, "body_bytes": len(body)}, sort_keys=True, separators=(",", ":")) + "\n"
        with self._speaking:
            write_all(self._write_fd, line.encode())
            write_all(self._write_fd, body)

    def waiting(self, seconds: float, also: int | None = None) -> bool:
        """Wait so long for the next request, or for the end; True as soon as there is something.

        It also stops waiting when the descriptor ``also`` can be read.
        """
        if self._buffer or self._over:
            return True
        watched = [self._read_fd] if also is None else [self._read_fd, also]
        return self._read_fd in select.select(watched, [], [], seconds)[0]

    def _line(self) -> bytes | None:
        """Up to the next newline. An endless line is cut short after its limit, and the rest of it thrown away."""
        searched = 0
        kept = b""
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LINE_LIMIT_BYTES:
                kept = kept or bytes(self._buffer)
                self._buffer.clear()
                searched = 0
            if not self._more():
                return None
        line = kept or bytes(self._buffer[:end])
        del self._buffer[:end + 1]
        return line

    def _exactly(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not self._more():
                return None
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body

    def _skip(self, size: int) -> bool:
        while size > 0:
            if not self._buffer and not self._more():
                return False
            taken = min(size, len(self._buffer))
            del self._buffer[:taken]
            size -= taken
        return True

    def _more(self) -> bool:
        piece = os.read(self._read_fd, _READ_BYTES)
        self._over = not piece
        self._buffer += piece
        return bool(piece)


def _broken(number: Any, code: str, message: str) -> Request:
    return Request(number, "", Fields({}), b"", RequestRefused(code, message))


def _bad(key: str, expected: str, value: object) -> RequestRefused:
    return RequestRefused("bad_request", f"key {key!r} is {repr(value)[:80]}; expected {expected}")
