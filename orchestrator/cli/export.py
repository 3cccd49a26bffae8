"""``kdorch export``: the ledger's runs in other tools' forms."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import say

_OPEN_WITH = {"mlflow": "mlflow ui --backend-store-uri sqlite:///{path}", "tensorboard": "tensorboard --logdir {path}"}


@click.command(epilog="""\b
Examples:
  kdorch export --to csv runs.csv
  kdorch export --to parquet runs.parquet --campaign lr_grid
  kdorch export --to tensorboard boards/              then: tensorboard --logdir boards/
  kdorch export --to mlflow mlflow.db                 then: mlflow ui --backend-store-uri sqlite:///mlflow.db
  kdorch export --to rocrate crate/ --campaign lr_grid   a Process Run Crate with the evidence in it
\b
One way: nothing is read back, and the ledger stays the only memory. The run's id is in every form: in MLflow as the
tag kdorch.run_id. mlflow, tensorboard, rocrate and parquet need a package each: pip install 'kdorch[mlflow]' …""")
@click.option("--to", "form", type=click.Choice(("mlflow", "tensorboard", "parquet", "csv", "rocrate")), required=True,
              help="What to write.")
@click.option("--campaign", metavar="C", help="Only this campaign, by name or id prefix.  [all]")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
def export(form: str, campaign: str | None, path: Path) -> None:
    """Write runs with their curves, specs and verdicts for another tool.

    PATH must not exist: it becomes a file for mlflow, parquet and csv, and a folder for tensorboard and rocrate.
    """
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import no_ledger_yet, open_ledger
    from orchestrator.domain.errors import UsageError
    from orchestrator.report.exports.gather import gathered
    from orchestrator.report.exports.writing import export as write

    home = Home.from_environment()
    if no_ledger_yet(home):
        raise UsageError(f"no ledger at {home.ledger} yet", hint="launch a campaign or import something first")
    with open_ledger(home, on_upgrade=say, create=False) as ledger:
        runs = gathered(ledger, home.root, campaign)
    write(runs, form, path)
    hint = f"; look at it with '{_OPEN_WITH[form].format(path=path)}'" if form in _OPEN_WITH else ""
    say(f"{len(runs)} runs written to {path}{hint}")
