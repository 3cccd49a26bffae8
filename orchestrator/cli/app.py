"""The command ``kdorch``. Verbs are imported when they are used, so that ``kdorch --help`` answers at once."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from typing import Any

import click

from orchestrator import __version__
from orchestrator.domain.errors import KdorchError

_OBJECTS_BETWEEN_LOOKS = 200_000

_VERBS = {
    "campaign": ("orchestrator.cli.campaign:campaign", "Plan, launch and show campaigns."),
    "watch": ("orchestrator.cli.watch:watch", "Follow a run or a campaign to its verdict."),
    "ledger": ("orchestrator.cli.ledger:ledger", "List, explain and import runs; every verdict with its proof."),
    "why": ("orchestrator.cli.why:why", "Show what proves that a run is where it is, and what happens next."),
    "run": ("orchestrator.cli.run:run", "Show, read, stop, repeat or fetch one run."),
    "host": ("orchestrator.cli.host:host", "List, trust and examine hosts."),
    "asset": ("orchestrator.cli.asset:asset", "Checkpoints, shards and caches by name: add, push, pull."),
    "notify": ("orchestrator.cli.notify:notify", "Tell you when a campaign ends or something needs attention."),
    "report": ("orchestrator.cli.report:report", "Render a campaign's report from the ledger."),
    "export": ("orchestrator.cli.export:export", "The runs for MLflow, TensorBoard, notebooks or an archive."),
    "log": ("orchestrator.cli.log:log", "The running history of campaigns, with notes."),
    "note": ("orchestrator.cli.note:note", "Keep a person's words about a run in the ledger."),
}

EXIT_INTERRUPTED = 130
EXIT_BUG = 70
EXIT_DISK = 5


class LazyGroup(click.Group):
    """A group whose commands are named here and imported when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in _VERBS:
            return None
        module, _, attribute = _VERBS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _VERBS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  kdorch campaign launch quickstart.yaml        run a whole campaign on this machine
  kdorch campaign launch lr_grid.yaml --dry-run show what would happen; touch nothing
  kdorch watch quickstart                       follow it
  kdorch ledger --status budget-pass            what stayed within the teacher budget

\b
Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 with --exit-status: not passed,
2 usage or campaign file, 3 host or transfer, 4 ledger, 5 disk, 70 a bug of kdorch, 130 interrupted.
KDORCH_HOME (default ./.kdorch) holds the ledger, the evidence and hosts.yaml.""",
)
@click.version_option(__version__, prog_name="kdorch")
def cli() -> None:
    """Run knowledge-distillation campaigns on remote GPUs, with a ledger that enforces its verdicts."""


def _fail(message: str, hint: str | None, code: int) -> int:
    click.echo(f"kdorch: {message}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)
    return code


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; the only place where errors become codes."""
    try:
        code: Any = cli.main(args=arguments, prog_name="kdorch", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted; whatever runs on a host goes on there", "run the same command again to carry on",
                     EXIT_INTERRUPTED)
    except KdorchError as error:
        return _fail(error.message, error.hint, error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`kdorch ledger | head`): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _fail(f"the disk is full: {error.filename or error}",
                         "free some space and run the same command again; nothing half-written is used", EXIT_DISK)
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            return _fail(f"not allowed: {error}", "check the permissions, or set KDORCH_HOME to a place you own",
                         EXIT_DISK)
        raise


def main() -> None:
    """Entry point of the console script."""
    # A plan of thousands of runs is hundreds of thousands of objects that stay. By default Python would look through
    # them for garbage dozens of times: a fifth of a large dry run.
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 20, 20)
    try:
        code = run()
    except Exception as error:
        if os.environ.get("KDORCH_DEBUG"):
            raise
        code = _fail(f"unexpected {type(error).__name__}: {error}",
                     "this is a bug of kdorch; set KDORCH_DEBUG=1 to see where it happened", EXIT_BUG)
    sys.exit(code)


if __name__ == "__main__":
    main()
