"""Which file system holds a path, by the kernel's table of mounts."""

from __future__ import annotations

import pytest

from orchestrator.domain.file_systems import NETWORK_FILE_SYSTEMS, file_system_of

MOUNTINFO = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
23 27 0:22 / /sys rw - sysfs sysfs rw
50 27 0:41 / /far rw,relatime shared:1 - nfs4 server:/export rw,vers=4.2
51 50 254:1 / /far/me/local rw shared:2 master:3 - xfs /dev/vdb rw
52 27 0:42 / /mnt/my\\040share rw - cifs //server/share rw
53 27 0:43 / /data rw - nfs server:/data rw
54 27 0:44 / /data rw - btrfs /dev/vdc rw
torn line
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/", "ext4"), ("/far", "nfs4"), ("/far/me/.kdorch", "nfs4"), ("/far/me/local/.kdorch", "xfs"),
    ("/farther", "ext4"), ("/mnt/my share/x", "cifs"), ("/data/x", "btrfs")])
def test_the_nearest_mount_above_holds_a_path_and_the_later_of_two(path: str, kind: str) -> None:
    assert file_system_of(path, MOUNTINFO) == kind


def test_a_table_that_does_not_say_gives_nothing() -> None:
    assert file_system_of("/far", "") is None
    assert None not in NETWORK_FILE_SYSTEMS
