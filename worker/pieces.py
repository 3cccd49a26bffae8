"""Pieces of files on their way: compressed where the laptop asks for it and it pays, unpacked where it sent them so."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

from worker.paths import open_beneath
from worker.requests import BODY_LIMIT_BYTES, RequestRefused

SAMPLE_BYTES = 64 << 10
WORTH = 0.9
"""A sample must get smaller than this share of itself, or the piece travels as it is: it is compressed already."""

Result = tuple[dict[str, Any], bytes]


def squeezed(header: dict[str, Any], data: bytes) -> Result:
    """The answer with its body compressed, where that pays; ``zlib`` in the header is then the size of the file's."""
    sample = data[:SAMPLE_BYTES]
    if not sample or len(zlib.compress(sample, 1)) >= WORTH * len(sample):
        return header, data
    return {**header, "zlib": len(data)}, zlib.compress(data, 1)


def unpacked(body: bytes, size: int) -> bytes:
    """The bytes of a compressed body. Raises :class:`RequestRefused` when they are not ``size`` many."""
    if size > BODY_LIMIT_BYTES:
        raise RequestRefused("too_large", f"a piece has at most {BODY_LIMIT_BYTES} bytes")
    try:
        data = zlib.decompressobj().decompress(body, size + 1)
    except zlib.error as error:
        raise RequestRefused("corrupt", f"the body is not what zlib makes: {error}") from None
    if len(data) != size:
        raise RequestRefused("corrupt", f"the body holds {len(data)} bytes; {size} were announced")
    return data


def read_piece(opened: Callable[[], int], offset: int, limit: int, *, squeeze: bool) -> Result:
    """A piece of the file that ``opened`` gives a descriptor of."""
    fd = opened()
    try:
        data, size = os.pread(fd, min(limit, BODY_LIMIT_BYTES), offset), os.fstat(fd).st_size
    finally:
        os.close(fd)
    header = {"size": size, "eof": offset + len(data) >= size}
    return squeezed(header, data) if squeeze else (header, data)


def read_whole(directory: str, names: list[str]) -> Result:
    """Several small files below a directory, whole, one behind the other. Raises :class:`RequestRefused`."""
    sizes: list[int] = []
    bodies: list[bytes] = []
    room = BODY_LIMIT_BYTES
    for name in names:
        fd = open_beneath(directory, name)
        try:
            size = os.fstat(fd).st_size
            room -= size
            if room < 0:
                raise RequestRefused("too_large", f"these files have more than {BODY_LIMIT_BYTES} bytes together")
            data = os.pread(fd, size, 0)
        finally:
            os.close(fd)
        sizes.append(len(data))
        bodies.append(data)
    return {"sizes": sizes}, b"".join(bodies)
