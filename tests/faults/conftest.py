"""The fault tests share the integration tests' real OpenSSH server."""

from __future__ import annotations

import os

import pytest

from tests.faults.disk import can_mount
from tests.integration.conftest import sshd, sshd_program

__all__ = ["sshd", "sshd_program"]


@pytest.fixture(scope="session")
def disks_that_can_be_hurt() -> None:
    """A developer who may not mount anything may skip; CI may not."""
    if not can_mount():
        why = "no mount namespace can be made here, which takes root: no disk can be filled or made read-only"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
