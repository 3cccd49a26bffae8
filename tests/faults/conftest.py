"""The fault tests share the integration tests' real OpenSSH server."""

from __future__ import annotations

from tests.integration.conftest import sshd, sshd_program

__all__ = ["sshd", "sshd_program"]
