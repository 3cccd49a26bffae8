"""Options that several verbs share, and the context they open."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from orchestrator.domain.prices import Cost

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


def price_option(function: F) -> F:
    return click.option("--price", type=FiniteRange(min=0, max=1e6), metavar="PER_HOUR",
                        help="What an hour of a GPU costs.  [price_per_hour of each host in hosts.yaml]")(function)


def json_option(help_text: str) -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def exit_status_option(function: F) -> F:
    return click.option("--exit-status", is_flag=True,
                        help="Exit 1 unless every run asked about passed its gates.")(function)


def money(cost: Cost) -> str:
    """A cost in words, each host with its part where there are several."""
    if cost.amount is None:
        return "no price is known; give --price, or price_per_hour of a host in hosts.yaml"
    parts = ", ".join(f"{host} {amount:,.2f}" for host, amount in cost.by_host) if len(cost.by_host) > 1 else ""
    rest = f"without {', '.join(cost.unpriced)}, of no known price" if cost.unpriced else ""
    beside = "; ".join(filter(None, (parts, rest)))
    return f"{cost.amount:,.2f}{f' ({beside})' if beside else ''}"


def say(text: str) -> None:
    """Talk: to standard error, so that data stays alone on standard output."""
    click.echo(text, err=True)
