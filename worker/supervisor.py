"""The supervisor's command: ``python -m worker.supervisor launch --root ROOT --run ID --attempt N --dispatch SHA256``.

It prints one line of JSON, ``{"result": …, "detail": …}``, and exits 0 when the attempt is under way or over
(``started``, ``exists``), 3 otherwise. It may be repeated any number of times; see ``launch``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from worker.launch import Answer, Asked
from worker.launches import launch_in_child
from worker.paths import Root

EXIT_NOT_LAUNCHED = 3


def build_parser() -> argparse.ArgumentParser:
    """The command's argument parser. Rendered launch scripts are held against it."""
    parser = argparse.ArgumentParser(prog="python -m worker.supervisor", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("launch", help="claim an attempt and leave a supervisor behind", allow_abbrev=False)
    one.add_argument("--root", required=True, help="the host's root directory; ~ is expanded")
    one.add_argument("--run", required=True, metavar="ID", help="run id: sha256 of spec.json")
    one.add_argument("--attempt", required=True, type=int, metavar="N", help="attempt number, from 1")
    one.add_argument("--dispatch", required=True, metavar="SHA256", help="sha256 of the attempt's dispatch.json")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    asked = build_parser().parse_args(argv)
    [answer] = launch_in_child(Root.at(asked.root), [Asked(asked.run, asked.attempt, asked.dispatch)], lambda: None)
    print(line(answer), flush=True)
    return 0 if answer.good else EXIT_NOT_LAUNCHED


def line(answer: Answer) -> str:
    """The answer as the command prints it."""
    return json.dumps({"result": answer.result, "detail": answer.detail}, sort_keys=True)


if __name__ == "__main__":
    sys.exit(main())
