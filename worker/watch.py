"""Wakes when something happens in a directory: Linux's inotify, by way of ctypes, where it can be had."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable

_MODIFY, _MOVED_TO, _CREATE = 0x2, 0x80, 0x100
_DELETE_SELF, _MOVE_SELF, _ONLYDIR = 0x400, 0x800, 0x1000000
_LOST_EVENTS = 0x4000
_GONE = 0x8000
_HEADER = struct.Struct("iIII")


class Watch:
    """Watches directories. ``fd`` becomes readable when something happened; None where there is no inotify."""

    def __init__(self) -> None:
        self.fd: int | None = None
        self._by_path: dict[str, int] = {}
        self._by_number: dict[int, str] = {}
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError):
            return
        if fd >= 0:
            self.fd = fd

    def cover(self, directories: Iterable[str]) -> bool:
        """Watch these directories and no others. False when some cannot be: they must be looked at instead."""
        wanted = set(directories)
        if self.fd is None:
            return not wanted
        for path in [p for p in self._by_path if p not in wanted]:
            number = self._by_path.pop(path)
            del self._by_number[number]
            self._libc.inotify_rm_watch(self.fd, number)
        mask = _MODIFY | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR
        for path in wanted - self._by_path.keys():
            number = self._libc.inotify_add_watch(self.fd, os.fsencode(path), ctypes.c_uint32(mask))
            if number >= 0:
                self._by_path[path], self._by_number[number] = number, path
        return wanted <= self._by_path.keys()

    def happened(self) -> set[tuple[str, str]] | None:
        """(directory, name) of everything that happened since the last call; None: more than could be kept."""
        found: set[tuple[str, str]] = set()
        complete = True
        while self.fd is not None:
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                break
            at = 0
            while at < len(data):
                number, mask, _, length = _HEADER.unpack_from(data, at)
                at += _HEADER.size + length
                if mask & _LOST_EVENTS:
                    complete = False
                path = self._by_number.get(number)
                if path is None:
                    continue
                found.add((path, os.fsdecode(data[at - length : at].rstrip(b"\0"))))
                if mask & _GONE:
                    del self._by_number[number]
                    del self._by_path[path]
        return found if complete else None

    def close(self) -> None:
        """Stop watching."""
        if self.fd is not None:
            with contextlib.suppress(OSError):
                os.close(self.fd)
            self.fd = None
