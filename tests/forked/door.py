"""The door of a nursery: hands its three descriptors, words and environment over, and waits.

    python -I -S door.py SOCKET WORD...

A process forked in the ``nursery`` does the work from here on; to whoever started the door it looks as if the door
did. It ends as that process ends: with its exit status, or killed where that was killed. It imports next to nothing,
because starting it is all that such a program still costs.
"""

from __future__ import annotations

import _socket
import posix
import sys

KILLED = 9
SCM_RIGHTS = 1


def main() -> int:
    """Returns the exit status of the process that did the work."""
    nursery = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    nursery.connect(sys.argv[1])
    words = [word.encode() for word in sys.argv[2:]]
    surroundings = [name + b"=" + value for name, value in posix.environ.items()]
    message = b"\0".join([str(len(words)).encode(), *words, posix.getcwdb(), *surroundings])
    descriptors = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2))
    sent = nursery.sendmsg([message], [(_socket.SOL_SOCKET, SCM_RIGHTS, descriptors)])
    nursery.sendall(message[sent:])
    nursery.shutdown(_socket.SHUT_WR)
    # What both ends of a pipe wait for must not be kept from them by a process that only looks on.
    for fd in (0, 1, 2):
        posix.close(fd)
    try:
        status = nursery.recv(16)
    except OSError:
        status = b""
    if not status:
        posix.kill(posix.getpid(), KILLED)
    return int(status)


if __name__ == "__main__":
    posix._exit(main())
