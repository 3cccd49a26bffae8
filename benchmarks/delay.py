"""A line with a delay between two network namespaces: every packet is carried by hand and held back for a while.

    python -m benchmarks.delay NAMESPACE_A NAMESPACE_B ONE_WAY_MS

Each namespace gets a TUN device ``line0``. The directions are independent, nothing is lost or reordered, and up to
64 MiB are held a direction, so TCP on both sides behaves as on a clean long line. Needs the rights of root and
``/dev/net/tun``; ``tc netem`` would do the same where the kernel has it. Says ``ready`` once it carries.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
PACKET_BYTES = 65_600
HELD_BYTES = 64 << 20
TURN = 64
"""How many packets one direction may move before it is the other's turn."""


class Direction:
    """Packets on their way from one device to the other."""

    def __init__(self, source: int, target: int, delay_s: float) -> None:
        self._source, self._target, self._delay_s = source, target, delay_s
        self._held: deque[tuple[float, bytes]] = deque()
        self._bytes = 0

    def take(self) -> None:
        """Take what has come in; what would be more than a line holds is dropped, as a router would."""
        for _ in range(TURN):
            try:
                packet = os.read(self._source, PACKET_BYTES)
            except BlockingIOError:
                return
            if self._bytes + len(packet) <= HELD_BYTES:
                self._held.append((time.monotonic() + self._delay_s, packet))
                self._bytes += len(packet)

    def give(self) -> float | None:
        """Hand over what is due; returns when the next packet is (monotonic seconds), None when there is none."""
        while self._held and self._held[0][0] <= time.monotonic():
            try:
                os.write(self._target, self._held[0][1])
            except BlockingIOError:
                return time.monotonic() + 0.001
            except OSError as error:
                if error.errno != errno.EIO:  # the other side is not up yet: as if it had not been there
                    raise
            self._bytes -= len(self._held.popleft()[1])
        return self._held[0][0] if self._held else None


def device_in(namespace: str) -> int:
    """A descriptor of a new TUN device ``line0`` in a named network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(place, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {namespace}")
    os.close(place)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"line0", _TUN_WITHOUT_HEADER))
    return device


def main(argv: list[str]) -> None:
    devices = [device_in(name) for name in argv[:2]]
    delay_s = float(argv[2]) / 1000.0
    ways = {devices[0]: Direction(devices[0], devices[1], delay_s),
            devices[1]: Direction(devices[1], devices[0], delay_s)}
    ready = select.epoll()
    for device in devices:
        ready.register(device, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        due = [at for way in ways.values() if (at := way.give()) is not None]
        wait = 1.0 if not due else max(0.0, min(due) - time.monotonic())
        for device, _ in ready.poll(wait):
            ways[device].take()


if __name__ == "__main__":
    main(sys.argv[1:])
