"""Which file systems a lock or a write-ahead log can be trusted to, told from the kernel's table of mounts."""

from __future__ import annotations

import re

NETWORK_FILE_SYSTEMS = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs", "gpfs", "glusterfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.juicefs"})
"""By their names in the table. Several machines may see one such file at once, and each has memory of its own."""


def file_system_of(path: str, mountinfo: str) -> str | None:
    """The type of the file system that holds an absolute ``path`` without links, by the text of
    ``/proc/self/mountinfo``; None where the table does not say."""
    best, kind = -1, None
    for line in mountinfo.splitlines():
        mount, separator, device = line.partition(" - ")
        fields = mount.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = _unescaped(fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two mounts on one point the later hides the earlier.
        if inside and len(point) >= best:
            best, kind = len(point), device.split(" ")[0]
    return kind


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
