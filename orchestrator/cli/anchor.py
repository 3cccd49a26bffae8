"""``kdorch ledger anchor``: write down the head of the chain where nobody can change it together with the ledger."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.cli.options import json_option, say


@click.command(epilog="""\b
Examples:
  kdorch ledger anchor                              prints the line; keep it anywhere
  kdorch ledger anchor --git-note                   on today's commit of the repository around this directory
  kdorch ledger anchor --git-note --repository ~/experiments
  git push origin refs/notes/kdorch                 and it is kept elsewhere too
'kdorch ledger verify' holds every anchor it finds against the chain; --anchor FILE names others.""")
@click.option("--git-note", is_flag=True, help="Also write it into a git note, under refs/notes/kdorch.")
@click.option("--repository", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(),
              help="The git repository; default the one around the working directory.")
@json_option("The anchor as JSON on standard output.")
def anchor(git_note: bool, repository: Path, as_json: bool) -> None:
    """Print the head of the ledger's chain as a line to be kept elsewhere, and note where it is kept."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.ledger import git_notes
    from orchestrator.ledger.anchors import anchor_line

    with open_ledger(Home.from_environment(), on_upgrade=say) as ledger:
        if git_note:
            place = git_notes.head_of(repository)
            git_notes.append(place, anchor_line(ledger.head()))
            kept = ledger.anchor(str(place))
        else:
            kept = ledger.anchor("printed")
    line = anchor_line((kept.seq, kept.hash))
    if as_json:
        click.echo(json.dumps({"seq": kept.seq, "hash": kept.hash, "place": kept.place, "line": line,
                               "anchored_at": kept.anchored_at}, indent=2, sort_keys=True))
    else:
        click.echo(line)
    if git_note:
        say(f"noted on {kept.place.removeprefix('git:')}; 'git push origin refs/notes/{git_notes.REF}' keeps it "
            "elsewhere")
