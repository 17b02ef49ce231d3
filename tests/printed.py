"""Commands in printed text, read by the command line's own parser."""

from __future__ import annotations

import re
import shlex
from typing import Any

import click

import cli
from toolkit.commands.options import resolve
from toolkit.config import Config


def commands_in(text: str) -> list[str]:
    """Return the commands of a text: those in backticks, and those of lines of their own."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("xstilts ")]
    return [*re.findall(r"`(xstilts [^`]*)`", text), *lines]


def parsed(command: str) -> tuple[click.Command, dict[str, Any]]:
    """Return the command that a line calls and its parameters, as a shell and the command line read them.

    Raises:
        click.UsageError: the command line refuses it.
    """
    program, *words = shlex.split(command)
    assert program == "xstilts"
    found: click.Command = cli.main
    context = cli.main.make_context(program, words)
    while isinstance(found, click.Group):
        name, sub, rest = found.resolve_command(context, [*context._protected_args, *context.args])
        assert sub is not None
        found = sub
        context = found.make_context(name, rest, parent=context)
    return found, context.params


def config_of(command: str) -> Config:
    """Return the configuration that a line stands for."""
    return resolve(parsed(command)[1])  # type: ignore[arg-type]
