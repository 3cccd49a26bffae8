"""Notices: what reaches a mail server, a web server and the desktop, and that no trouble there is anyone else's."""

from __future__ import annotations

import base64
import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestrator.cli.app import cli
from orchestrator.dispatch.config import load_config
from orchestrator.dispatch.events import HostBack, HostSilent, HostUnusable, Note
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.notify import AttentionWatch, Notice, campaign_ended, notify
from orchestrator.domain.errors import CampaignFileError, HostUnfit, KdorchError, UsageError
from tests.e2e.kdorch import Laptop
from tests.integration.supervised import wait_for

SECRET = "a-secret-that-no-line-may-show"
NOTICE = Notice("campaign_end", "campaign demo ended", ("3 promoted", "1 rejected"), "demo")


class WebServer(HTTPServer):
    """Keeps what it is sent; answers with ``status``."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.received: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Receiver)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/{SECRET}"


class _Receiver(BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append({"path": self.path, **json.loads(body)})
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class MailServer(socketserver.ThreadingTCPServer):
    """As much of SMTP as one letter takes."""

    allow_reuse_address = True

    def __init__(self, *, password: str = "") -> None:
        self.password = password
        self.letters: list[Message] = []
        super().__init__(("127.0.0.1", 0), _Postman)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Postman(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                self.say("250-here", "250 AUTH PLAIN")
            elif word == "AUTH":
                _, name, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self.say("235 welcome" if (name, password) == ("kd", self.server.password) else "535 no")
            elif word == "DATA":
                self.say("354 go on")
                self.server.letters.append(email.message_from_bytes(self.letter()))
                self.say("250 taken")
            else:
                self.say("221 bye" if word == "QUIT" else "250 well")

    def letter(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return b"".join(lines)

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    with serving(server):
        yield server


@pytest.fixture
def post_office() -> Iterator[MailServer]:
    server = MailServer(password=SECRET)
    with serving(server):
        yield server


def configured(home: Path, text: str) -> Home:
    (home / "config.yaml").write_text("notify:\n" + "".join(f"  {line}\n" for line in text.splitlines()))
    return Home(home)


def mail(port: int, more: str = "") -> str:
    return (f"email: {{host: 127.0.0.1, port: {port}, security: none, from: kdorch@lab.example, "
            f"to: [me@lab.example]{more}}}")


def test_a_webhook_gets_the_notice_as_json(web: WebServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", web.url)
    said: list[str] = []
    notify(configured(home, "webhook: {url: env:HOOK}"), NOTICE, said.append)
    assert said == []
    [got] = web.received
    assert got["path"].endswith(SECRET)
    assert (got["occasion"], got["title"], got["campaign"]) == ("campaign_end", "campaign demo ended", "demo")
    assert got["text"] == "campaign demo ended\n3 promoted\n1 rejected"


def test_mail_reaches_the_server_with_a_password_from_the_environment(
        post_office: MailServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_USER", "kd")
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    said: list[str] = []
    place = configured(home, mail(post_office.port, ", user: env:MAIL_USER, password: env:MAIL_PASSWORD"))
    notify(place, NOTICE, said.append)
    assert said == []
    [letter] = post_office.letters
    assert letter["Subject"] == "kdorch: campaign demo ended"
    assert letter["To"] == "me@lab.example"
    assert letter.get_payload() == "3 promoted\r\n1 rejected\r\n"
    monkeypatch.setenv("MAIL_PASSWORD", SECRET + "x")
    notify(place, NOTICE, said.append)
    assert said == ["notice not sent by email: the mail server 127.0.0.1 refused user or password (code 535)"]


def test_the_desktop_shows_it_by_the_program_that_is_there(
        home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = tmp_path / "shown"
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {shown}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    notify(configured(home, "desktop: true"), Notice("campaign_end", "--help", ("$(date) \"quoted\"",)), pytest.fail)
    assert shown.read_text() == '--app-name=kdorch|--|--help|$(date) "quoted"|'


@pytest.mark.parametrize(("status", "words"), [(500, "it answered with status 500"), (302, "status 302")])
def test_a_receiver_in_trouble_is_one_line_and_holds_no_address(home: Path, status: int, words: str) -> None:
    server, said = WebServer(status), list[str]()
    with serving(server):
        notify(configured(home, f"webhook: {{url: '{server.url}'}}"), NOTICE, said.append)
    assert len(said) == 1
    assert words in said[0]
    assert SECRET not in said[0]


def test_nobody_there_a_missing_variable_and_a_broken_file_are_one_line_each(home: Path) -> None:
    said: list[str] = []
    notify(configured(home, "webhook: {url: 'http://127.0.0.1:9/x'}\n" + mail(9)), NOTICE, said.append)
    notify(configured(home, "webhook: {url: env:NO_SUCH_VARIABLE}"), NOTICE, said.append)
    notify(configured(home, "telegram: yes"), NOTICE, said.append)
    assert len(said) == 4
    assert "the mail server 127.0.0.1:9: Connection refused" in said[0]
    assert "Connection refused" in said[1]
    assert "the environment variable NO_SUCH_VARIABLE is not set" in said[2]
    assert "config.yaml:2: notify.telegram: unknown key 'telegram'" in said[3]


def test_without_a_file_nothing_is_sent(home: Path) -> None:
    notify(Home(home), NOTICE, pytest.fail)
    assert list(home.iterdir()) == []


def test_an_occasion_that_was_not_asked_for_is_not_told(web: WebServer, home: Path) -> None:
    place = configured(home, f"on: [needs_attention]\nwebhook: {{url: '{web.url}'}}")
    notify(place, NOTICE, pytest.fail)
    assert web.received == []
    notify(place, campaign_ended("demo", (), "no answer", {"students": "teachers.best: none passed"}), pytest.fail)
    assert web.received[0]["facts"]["blocked"] == {"students": "teachers.best: none passed"}


@pytest.mark.parametrize(("text", "complaint"), [
    ("email: {host: h, from: a@b.example, to: [a@b.example], user: env:U, password: hunter2}",
     "notify.email.password: expected env:NAME"),
    ("email: {host: h.example, security: none, from: a@b.example, to: [a@b.example], user: env:U, password: env:P}",
     "not sent in the clear"),
    ("email: {host: h, from: a@b.example, to: [a@b.example], user: env:U}", "go together"),
    ("email: {host: h, from: a@b.example, to: ['a@b.example, c@d']}", "notify.email.to"),
    ("webhook: {url: 'http://h.example/x'}", "expected https"),
    ("webhook: {url: 'file:///etc/passwd'}", "expected an https URL"),
    ("webhook: {url: 'https://me:hunter2@h.example/x'}", "a secret in a file"),
    ("on: [sunday]", "notify.on"),
])
def test_what_is_wrong_in_the_file_is_refused_by_key_and_line(home: Path, text: str, complaint: str) -> None:
    with pytest.raises(CampaignFileError) as refused:
        load_config(configured(home, text))
    assert complaint in refused.value.message
    assert "config.yaml:2" in refused.value.message
    assert "hunter2" not in refused.value.message


def test_an_end_that_two_processes_see_is_told_once_and_a_different_end_again(web: WebServer, home: Path) -> None:
    place = configured(home, f"webhook: {{url: '{web.url}'}}")
    for _ in range(2):
        notify(place, campaign_ended("demo", (), "KD saves 40 steps", {}), pytest.fail, once=True)
    notify(place, campaign_ended("demo", (), "KD saves 25 steps", {}), pytest.fail, once=True)
    wait_for(lambda: len(web.received) >= 2, "the notices")
    assert ["40 steps" in r["text"] for r in web.received] == [True, False]


def test_a_host_that_stays_silent_is_told_once_and_one_that_comes_back_is_not(web: WebServer, home: Path) -> None:
    place = configured(home, f"silent_after_minutes: 0\nwebhook: {{url: '{web.url}'}}")
    passed: list[object] = []
    silent = HostSilent("h100", "no answer for 30 s", "its runs go on there")
    with AttentionWatch(place, "demo", passed.append, pytest.fail) as watch:
        watch(silent)
        watch(silent)
        wait_for(lambda: web.received, "the notice")
        watch(Note("something else"))
    assert [r["title"] for r in web.received] == ["host h100 has been silent for 0 minutes"]
    assert passed == [silent, silent, Note("something else")]

    patient = configured(home, f"silent_after_minutes: 60\nwebhook: {{url: '{web.url}'}}")
    before = set(threading.enumerate())
    with AttentionWatch(patient, "demo", passed.append, pytest.fail) as watch:
        watch(silent)
        assert set(threading.enumerate()) - before, "a timer waits for the silent host"
        watch(HostBack("h100"))
        wait_for(lambda: not set(threading.enumerate()) - before, "the end of the timer for a host that is back")


def test_what_ends_a_command_before_its_time_is_told_once(web: WebServer, home: Path) -> None:
    place = configured(home, f"webhook: {{url: '{web.url}'}}")
    unfit = HostUnfit("h100: no room on the disk", hint="make some")

    def ends(error: KdorchError, *events: HostUnusable) -> None:
        with AttentionWatch(place, "demo", lambda _: None, pytest.fail) as watch:
            for event in events:
                watch(event)
            raise error

    for error, events in ((unfit, [HostUnusable("h100", unfit.message, unfit.hint)]),
                          (HostUnfit("gb10: no Python"), []),
                          (UsageError("whoever made this mistake sits before the screen"), [])):
        with pytest.raises(type(error)):
            ends(error, *events)
    assert [(r["occasion"], r["title"], r["lines"], r["facts"]) for r in web.received] == [
        ("needs_attention", "campaign demo: h100: no room on the disk", ["make some"], {"host": "h100"}),
        ("needs_attention", "campaign demo: gb10: no Python", [], {})]


def test_whoever_watches_is_told_of_the_end_too(web: WebServer, tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.home.mkdir()
    configured(laptop.home, f"webhook: {{url: '{web.url}'}}")
    (laptop.cwd / "one.yaml").write_text(
        "campaign: one\ndeadline: 2m\ndefaults: {entry: simulated, horizon: 50, simulated: {step_ms: 10}}\n"
        "stages:\n  - {name: only, role: ce, axes: {seed: [0]}, policy: ce-baseline}\n")
    laptop.run("campaign", "launch", "one.yaml", "--detach")
    assert web.received == []
    laptop.run("watch", "one")
    laptop.run("watch", "one")
    assert [(r["title"], r["facts"]["status"]) for r in web.received] == [
        ("campaign one: what was placed has ended", {"baseline": 1})]


def test_the_command_says_how_each_channel_went(web: WebServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(home, f"webhook: {{url: '{web.url}'}}\n" + mail(9))
    monkeypatch.setenv("KDORCH_HOME", str(home))
    done = CliRunner().invoke(cli, ["notify", "test"], standalone_mode=False)
    assert done.return_value == 3
    assert "webhook: sent" in done.output
    assert "email: not sent: the mail server 127.0.0.1:9: Connection refused" in done.output
    assert SECRET not in done.output
