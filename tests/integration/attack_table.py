"""Renders the attacks that the tests make on ledgers as ``docs/ledger-attacks.md``.

    python -m tests.integration.attack_table

The page says nothing that a test does not show: each line is one attack of the tests' own data, and a test fails when
the committed page is another one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from orchestrator.ledger.tables import METADATA, OVERWRITTEN
from tests.integration.owner_attacks import OWNER_ATTACKS, OwnerAttack
from tests.integration.postgres_attacks import SERVER_ATTACKS, ServerAttack
from tests.integration.test_ledger_attacks import GROUPS, REWRITES, Attack

PAGE = Path(__file__).parents[2] / "docs" / "ledger-attacks.md"
_CHECKS = {
    "schema": "the schema's fingerprint", "row": "the rows, held against the events and what they follow from",
    "policy": "policies, whose ids are digests", "run": "runs, whose ids are digests", "chain": "the chain of events",
    "measurement": "measuring the evidence again", "evidence": "evidence, whose ids are digests",
    "verdict": "evaluating each policy again, from inputs found again", "event": "playing the events",
    "signature": "signatures",
    "listing": "the listing kept ready, held against the ledger",
    "file": "the files of evidence", "anchor": "anchors, held against the chain",
}


def rendered() -> str:
    """The whole page."""
    return "\n".join([*_head(), *_refused(), *_rewrites(), *_found(OWNER_ATTACKS), *_server()]) + "\n"


def _head() -> list[str]:
    return [
        "# Attacks on a ledger", "",
        "Rendered from the tests' own data by `python -m tests.integration.attack_table`; do not edit. Every line is a",
        "test that runs.", "",
        "- [Refused on SQLite](#refused-on-sqlite): what anyone who may write to the file tries in SQL.",
        "- [Rewriting any record](#rewriting-any-record): the same five statements on every table.",
        "- [Found by verify](#found-by-verify): what the owner of the files can do, and which check finds it.",
        "- [On PostgreSQL](#on-postgresql): what each role of a server tries, and what comes of it.", "",
    ]


def _refused() -> list[str]:
    count = sum(len(group) for group in GROUPS.values())
    lines = [
        "## Refused on SQLite", "",
        f"{count} attacks through plain SQL, as any program that opens the file can say it: foreign keys are off, as",
        "in the `sqlite3` program, and CHECKs too where the table says so. Before each attack its honest twin, the",
        "same write without the lie, succeeds; after it no record has changed.", "",
    ]
    for heading, attacks in GROUPS.items():
        lines += [f"### {heading}", "", "| attack | connection | refused by | refusal |", "|---|---|---|---|",
                  *(_refused_line(a) for a in attacks), ""]
    return lines


def _refused_line(attack: Attack) -> str:
    connection = "foreign keys and CHECKs off" if attack.pragmas else "foreign keys off"
    return f"| {_words(attack.name)} | {connection} | {_guard(attack)} | {_says(attack.says)} |"


def _guard(attack: Attack) -> str:
    if "generated column" in attack.says:
        return "generated column"
    if re.fullmatch("cannot store [A-Z]+", attack.says):
        return "STRICT table"
    if re.match("ck_|fk_", attack.says):
        return "trigger that repeats the constraint" if attack.pragmas or "fk_" in attack.says else "constraint"
    return "trigger"


def _rewrites() -> list[str]:
    tables = sorted(set(METADATA.tables) - set(OVERWRITTEN))
    named = ", ".join(f"`{t}`" for t in tables)
    return ["## Rewriting any record", "",
            f"Each of these, with CHECKs off, on each of {len(tables)} tables is refused by triggers, and the file's",
            f"contents are as they were. The tables: {named}.", "",
            *(f"- `{s.format(table='T', names='…', first='k')}`" for s in REWRITES), ""]


def _found(attacks: Iterable[OwnerAttack]) -> list[str]:
    lines = [
        "## Found by verify", "",
        "Who owns a file cannot be stopped: a trigger can be dropped, the file is bytes. Each of these succeeds, with",
        "every guard put back as it was unless the guard is what it is after, and `kdorch ledger verify` then names it",
        "and exits with 4. Those marked *kept elsewhere* leave files that agree with each other in everything; a head",
        "of the chain outside of them finds it: a report that was sent to somebody, a git note, the anchor beside the",
        "evidence on a host, or `kdorch ledger anchor` in a notebook (`kdorch ledger verify --anchor FILE`).", "",
        "| attack | by | found by | it says |", "|---|---|---|---|",
    ]
    for attack in attacks:
        by = "SQL" if isinstance(attack.does, str) else "editing files"
        found = _CHECKS[attack.kind] + (" (*kept elsewhere*)" if attack.needs_anchor else "")
        lines.append(f"| {_words(attack.name)} | {by} | {found} | {f'`… {attack.says} …`' if attack.says else ''} |")
    return lines


def _server() -> list[str]:
    refused = [a for a in SERVER_ATTACKS if a.outcome == "refused"]
    found = [a for a in SERVER_ATTACKS if a.outcome == "found"]
    return [
        "", "## On PostgreSQL", "",
        "By `psql`, in the name of the app role that commands work as, of the owner of the tables, and of the server's",
        "administrator. The attacks of the first section are tried there too, through the driver.", "",
        "| refused | role | the server says |", "|---|---|---|", *(_server_line(a) for a in refused), "",
        "The owner of the tables cannot be stopped by them; `kdorch ledger verify` finds what he does:", "",
        "| found | by | it says |", "|---|---|---|",
        *(f"| {_words(a.name)} | {_CHECKS[a.kind]} | {_says(a.says)} |" for a in found),
    ]


def _server_line(attack: ServerAttack) -> str:
    return f"| {_words(attack.name)} | {attack.role} | {_says(attack.says)} |"


def _says(pattern: str) -> str:
    return " or ".join(f"`{part.strip()}`" for part in pattern.split("|") if part)


def _words(name: str) -> str:
    return name.replace("_", " ")


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(rendered(), encoding="utf-8")
    sys.stderr.write(f"written: {PAGE}\n")


if __name__ == "__main__":
    main()
