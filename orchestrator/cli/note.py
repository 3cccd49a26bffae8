"""``kdorch note``: a person's words about a run, kept in the ledger."""

from __future__ import annotations

import click

from orchestrator.cli.options import say

LONGEST = 2000


@click.command(epilog="""\b
Examples:
  kdorch note quickstart/b2-s0 "the neighbour's job ended at step 90; times before that are too long"
  kdorch note 3f9a "looks like the learning rate, not KD" """)
@click.argument("reference", metavar="RUN")
@click.argument("words")
def note(reference: str, words: str) -> None:
    """Record words about a run. They stay in the ledger's chain, and stand in reports and in 'kdorch log'."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.domain.errors import UsageError
    from orchestrator.ledger.reads import PERSON_NOTE

    told = " ".join(words.split())
    if not told:
        raise UsageError("the note is empty", hint='kdorch note RUN "what you saw"')
    if len(told) > LONGEST or not told.isprintable():
        raise UsageError(f"a note holds at most {LONGEST} printable characters; this one has {len(told)}"
                         f"{'' if told.isprintable() else ', some of which cannot be printed'}",
                         hint="a longer story belongs in a file of its own; note where it lies")
    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as ledger:
        run_id = ledger.find_run(reference)
        ledger.note(PERSON_NOTE, run_id, {"words": told})
        say(f"noted on {ledger.name_of(run_id)} ({run_id[:12]}); 'kdorch log' shows it")
