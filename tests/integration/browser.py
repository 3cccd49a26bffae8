"""A real headless Chromium, spoken to over its debugging pipe: file descriptors 3 and 4, JSON ended by zero bytes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-dev-shm-usage", "--remote-debugging-pipe", "--hide-scrollbars")
PATIENCE_S = 60.0
_ON_3_AND_4 = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]  # out of the way of 3 and 4
for fd, wanted in zip(ends, (3, 4)):
    os.dup2(fd, wanted)
    os.close(fd)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser's ends of the pipe become its descriptors 3 and 4, whatever their numbers were."""



def find_browser() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@dataclass
class Tab:
    """One page. ``complaints`` are console errors, exceptions, and requests that failed or left the page."""

    browser: Browser
    session: str
    complaints: list[str] = field(default_factory=list)

    def ask(self, method: str, **words: Any) -> dict[str, Any]:
        return self.browser.ask(method, words, self.session)

    def size(self, width: int, height: int, *, phone: bool = False, dark: bool = False) -> None:
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1,
                 mobile=phone)
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path: Path) -> None:
        self.browser.loaded.discard(self.session)
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.browser.wait_until(lambda: self.session in self.browser.loaded)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives; the page itself needs none."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        told = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(told["data"]))


class Browser:
    """Chromium and the two ends of its pipe."""

    def __init__(self, program: str, place: Path) -> None:
        read_commands, self._out = os.pipe()
        self._in, write_answers = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_3_AND_4, str(read_commands), str(write_answers), program, *FLAGS,
             f"--user-data-dir={place}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(read_commands, write_answers), start_new_session=True)
        os.close(read_commands)
        os.close(write_answers)
        self._number = 0
        self._buffer = b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._tabs: dict[str, Tab] = {}
        self.loaded: set[str] = set()

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def tab(self) -> Tab:
        """A new page in a context of its own."""
        target = self.ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.ask(f"{domain}.enable")
        return tab

    def ask(self, method: str, words: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        number = self._number
        told: dict[str, Any] = {"id": number, "method": method, "params": words}
        if session is not None:
            told["sessionId"] = session
        os.write(self._out, json.dumps(told).encode() + b"\0")
        self.wait_until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]  # type: ignore[no-any-return]

    def wait_until(self, holds: Any) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            left = end - time.monotonic()
            assert left > 0, "the browser did not answer in time"
            if select.select([self._in], [], [], left)[0]:
                self._read()

    def _read(self) -> None:
        got = os.read(self._in, 1 << 20)
        assert got, f"the browser ended with {self._process.poll()}"
        *whole, self._buffer = (self._buffer + got).split(b"\0")
        for text in whole:
            self._take(json.loads(text))

    def _take(self, told: dict[str, Any]) -> None:
        if "id" in told:
            self._answers[told["id"]] = told
            return
        tab, words = self._tabs.get(told.get("sessionId", "")), told.get("params", {})
        if told["method"] == "Page.loadEventFired":
            self.loaded.add(told["sessionId"])
        if tab is None:
            return
        if told["method"] == "Runtime.exceptionThrown":
            tab.complaints.append(str(words["exceptionDetails"]))
        elif told["method"] == "Log.entryAdded" and words["entry"]["level"] in ("error", "warning"):
            tab.complaints.append(words["entry"]["text"])
        elif told["method"] == "Runtime.consoleAPICalled" and words["type"] in ("error", "warning", "assert"):
            tab.complaints.append(str(words["args"]))
        elif told["method"] == "Network.requestWillBeSent":
            address = words["request"]["url"]
            if not address.startswith(("file:", "data:", "about:")):
                tab.complaints.append(f"asked the network for {address}")


@contextlib.contextmanager
def running(program: str, place: Path) -> Iterator[Browser]:
    browser = Browser(program, place)
    try:
        yield browser
    finally:
        browser.close()
