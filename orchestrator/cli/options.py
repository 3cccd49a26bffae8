"""Options that several verbs share, and the context they open."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class FiniteFloat(click.types.FloatParamType):
    """A number. ``float`` also takes ``nan``, which passes every range, and ``inf``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class FiniteRange(FiniteFloat, click.FloatRange):
    """A number between bounds."""


def hosts_option(function: F) -> F:
    return click.option("--hosts", "hosts_file", type=click.Path(path_type=Path, dir_okay=False), default=None,
                        help="Hosts file; default hosts.yaml in KDORCH_HOME.")(function)


def json_option(help_text: str) -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def exit_status_option(function: F) -> F:
    return click.option("--exit-status", is_flag=True,
                        help="Exit 1 unless every run asked about passed its gates.")(function)


def say(text: str) -> None:
    """Talk: to standard error, so that data stays alone on standard output."""
    click.echo(text, err=True)
