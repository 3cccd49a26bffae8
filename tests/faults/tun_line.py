"""A line between two network namespaces that takes its time: packets of two TUN devices, held back and passed on.

    python tun_line.py PID_A DEVICE_A PID_B DEVICE_B DELAY_MS

It makes DEVICE_A in the network namespace of process PID_A, DEVICE_B in that of PID_B, says ``ready``, and then obeys
lines on its input: ``down`` swallows every packet, ``up`` passes them on again. Delay in the kernel (``tc netem``) is
not to be had everywhere; this needs only TUN devices.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES = 65600
BATCH = 64
LONGEST_QUEUE = 1 << 16


def device(pid: str, name: str) -> int:
    """A TUN device in the network namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(namespace)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def carry(ends: tuple[int, int], delay_s: float) -> None:
    """Pass packets on, each ``delay_s`` after it came, until the input ends."""
    queues: tuple[deque[tuple[float, bytes]], ...] = (deque(), deque())
    up = True
    poll = select.poll()
    for fd in (0, *ends):
        poll.register(fd, select.POLLIN)
    while True:
        for fd, _ in poll.poll(_pause_ms(queues)):
            if fd == 0:
                words = os.read(0, 4096)
                if not words:
                    return
                up = words.split()[-1] == b"up"
            else:
                _take(fd, queues[ends.index(fd)], delay_s, up)
        now = time.monotonic()
        for queue, target in zip(queues, reversed(ends), strict=True):
            while queue and queue[0][0] <= now:
                try:
                    os.write(target, queue[0][1])
                except BlockingIOError:
                    break
                except OSError:
                    pass  # the device is down: a packet is lost, as packets are
                queue.popleft()


def _pause_ms(queues: tuple[deque[tuple[float, bytes]], ...]) -> float | None:
    due = [queue[0][0] for queue in queues if queue]
    return max(0.0, (min(due) - time.monotonic()) * 1000) if due else None


def _take(fd: int, queue: deque[tuple[float, bytes]], delay_s: float, up: bool) -> None:
    for _ in range(BATCH):
        try:
            packet = os.read(fd, PACKET_BYTES)
        except BlockingIOError:
            return
        if up and len(queue) < LONGEST_QUEUE:
            queue.append((time.monotonic() + delay_s, packet))


if __name__ == "__main__":
    line = (device(*sys.argv[1:3]), device(*sys.argv[3:5]))
    os.write(1, b"ready\n")
    carry(line, float(sys.argv[5]) / 1000)
