"""Options of the command line: what no reader behind them could use is refused at the door."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from orchestrator.cli.app import cli
from orchestrator.cli.options import FiniteFloat, FiniteRange


def commands(group: click.Group) -> Iterator[click.Command]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield command
        if isinstance(command, click.Group):
            yield from commands(command)


@pytest.mark.parametrize("value", ["nan", "-NaN", "inf", "-inf", "1e999"])
@pytest.mark.parametrize("kind", [FiniteFloat(), FiniteRange(min=0), FiniteRange(0, 10)])
def test_what_is_no_finite_number_is_refused(kind: FiniteFloat, value: str) -> None:
    with pytest.raises(click.BadParameter):
        kind.convert(value, None, None)


def test_a_range_holds_finite_numbers_too() -> None:
    assert FiniteRange(0, 10).convert("2.5", None, None) == 2.5
    with pytest.raises(click.BadParameter, match="range"):
        FiniteRange(0, 10).convert("11", None, None)


def test_every_number_that_a_command_takes_is_finite() -> None:
    numbers = [p for c in commands(cli) for p in c.params if isinstance(p.type, click.types.FloatParamType)]
    assert {p.name for p in numbers} >= {"keep_days", "price", "target"}
    assert [p.name for p in numbers if not isinstance(p.type, FiniteFloat)] == []


@pytest.mark.parametrize("words", [("host", "gc", "local", "--keep-days", "nan"),
                                   ("campaign", "show", "hill_climb", "--price", "nan")])
def test_the_command_says_so(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert f"'{words[-1]}' is not a finite number" in done.output
