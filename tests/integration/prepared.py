"""What the tests of preparing a host share: tiny wheels, a hosts file for this machine, an open session, a listener."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.prepare import StageReport
from orchestrator.dispatch.session import Session, open_session
from tests.integration.supervised import HOST_PYTHON


def make_wheel(directory: Path, name: str, version: str, *, body: str = "", needs: tuple[str, ...] = ()) -> str:
    """A wheel with one module; returns its sha256."""
    directory.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    requires = "".join(f"Requires-Dist: {n}\n" for n in needs)
    files = {
        f"{name}.py": body or f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_record_digest(text)},{len(text.encode())}\n" for path, text in files.items())
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            wheel.writestr(zipfile.ZipInfo(file, (2020, 1, 1, 0, 0, 0)), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record_digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


QUICK_UV = """\
#!{python}
# As much of uv as the builder asks for, in a tenth of a second: no pip, and wheels are unpacked as they are.
import glob, hashlib, os, re, subprocess, sys, zipfile
words = sys.argv[1:]
if words == ["--version"]:
    print("uv 0.0.1 (for tests)")
elif words[:2] == ["venv", "--python"]:
    sys.exit(subprocess.call([words[2], "-I", "-m", "venv", "--without-pip", words[3]]))
else:
    assert words[:3] == ["pip", "install", "--python"], words
    assert words[words.index("--index-strategy") + 1] == "unsafe-best-match"
    wheels = words[words.index("--find-links") + 1]
    [place] = glob.glob(os.path.dirname(words[3]) + "/../lib/python*/site-packages")
    for line in open(words[words.index("--requirement") + 1]):
        name, version = re.match(r"([^=]+)==(\\S+)", line).groups()
        wheel = f"{{wheels}}/{{name}}-{{version}}-py3-none-any.whl"
        if not os.path.exists(wheel):
            sys.exit(f"No solution found for {{name}}=={{version}}")
        zipfile.ZipFile(wheel).extractall(place)
"""


def install_quick_uv(directory: Path) -> None:
    """Put a program ``uv`` into a directory."""
    directory.mkdir()
    program = directory / "uv"
    program.write_text(QUICK_UV.format(python=sys.executable))
    program.chmod(0o755)


@dataclass
class Listener:
    """Keeps what a preparation said."""

    stages: list[StageReport] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    bytes_moved: dict[str, int] = field(default_factory=dict)

    def stage(self, report: StageReport) -> None:
        self.stages.append(report)

    def line(self, text: str) -> None:
        self.lines.append(text)

    def moved(self, name: str, done: int, total: int) -> None:
        self.bytes_moved[name] = done

    @property
    def results(self) -> dict[str, str]:
        return {s.stage: s.result for s in self.stages}


@dataclass(frozen=True)
class Bench:
    """A KDORCH_HOME whose host ``here`` is this machine with the root ``root``."""

    home: Home
    root: Path
    wheels: Path
    builder: str = "pip"

    @classmethod
    def at(cls, place: Path) -> Bench:
        bench = cls(Home(place / "home"), place / "root", place / "wheels")
        bench.home.root.mkdir()
        return bench

    def require(self, *lines: str) -> None:
        (self.home.root / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))

    def hosts(self, *extra: str, requirements: bool = True, host: str | None = None) -> None:
        """Write the hosts file; ``extra`` are more lines of the environment ``small``, ``host`` replaces ``here``."""
        lines = ["index: none", f"find_links: {self.wheels}", *extra]
        if not any(line.startswith("builder:") for line in extra):
            lines.append(f"builder: {self.builder}")
        if requirements:
            lines.append("requirements: requirements.txt")
        self.home.hosts_file.write_text(
            "environments:\n  small:\n" + "".join(f"    {line}\n" for line in lines) +
            (host or f"hosts:\n  here: {{transport: local, root: {self.root}, python: {HOST_PYTHON}, "
                     f"environment: small}}\n"))

    @contextmanager
    def session(self) -> Iterator[Session]:
        with open_session(self.home, None, lambda _: None) as session:
            yield session
