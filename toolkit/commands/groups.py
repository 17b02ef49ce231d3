"""Commands and groups of commands: user errors as one sentence, sections in the help, default verbs, renamed options."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

import click

from toolkit.commands.brief import seldom_collected
from toolkit.commands.memory import without_memory
from toolkit.commands.processes import one_of_several, require_shared
from toolkit.commands.screen import echo, echo_end, say
from toolkit.commands.signals import ended_like_ctrl_c
from toolkit.config.command import PROGRAM
from toolkit.errors import FULL, Interrupted, PartlyDone, ToolkitError, unwritable
from toolkit.outputs import kept
from toolkit.registry import nearest
from toolkit.safe_text import short_words

_WORDS = "toolkit.words"  # of the whole command line


class UserError(click.UsageError):
    """User error of the command line itself, shown as one sentence that ends with where the help is."""

    @classmethod
    def of(cls, error: click.UsageError) -> UserError:
        """Return another usage error in this form."""
        if isinstance(error, UserError):
            return error
        message = error.format_message().rstrip()
        if isinstance(error, click.NoSuchOption | click.exceptions.NoSuchCommand):
            name = str(getattr(error, "option_name", "") or getattr(error, "command_name", ""))
            noun = "option" if isinstance(error, click.NoSuchOption) else "command"
            near = nearest(name, error.possibilities or (), n=2)
            keys = _settings_called(name, error.ctx) if noun == "option" and name.replace("_", "-") not in near else []
            ways = [f"`--set {key}=...`" for key in keys] or [f"'{one}'" for one in near]
            message = f"No such {noun} '{name}'" + (f"; did you mean {' or '.join(ways)}?" if ways else ".")
        return cls(message, error.ctx)

    def show(self, file: Any = None) -> None:
        """Print the sentence to stderr."""
        message = self.format_message().rstrip()
        end = "" if message.endswith((".", "?", "!")) else "."
        help_at = f" See `{self.ctx.command_path} --help`." if self.ctx is not None else ""
        echo(f"Error: {short_words(message)}{end}{help_at}", err=True)


class Command(click.Command):
    """Command some of whose options had other names in an earlier release: these still work, and the new name is said.

    Args:
        renamed: new name by old name.
        alone: value by option, where the option is given without one: `--retrain` for `--retrain=last`.
    """

    def __init__(
        self,
        *args: Any,
        renamed: Mapping[str, str] | None = None,
        alone: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.renamed, self.alone = dict(renamed or {}), dict(alone or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put new names in place of old ones, and values where options are given alone; then parse."""
        words = [self._current(word) for word in args]
        return super().parse_args(ctx, self._valued(words))

    def _valued(self, words: list[str]) -> list[str]:
        """Put values where options are given alone: what follows is none of their choices."""
        options = {name: each for each in self.params for name in each.opts if name in self.alone}
        found = []
        for word, following in zip_longest(words, words[1:], fillvalue=""):
            choice = options[word].type if word in options else None
            is_alone = isinstance(choice, click.Choice) and following not in choice.choices
            found.append(f"{word}={self.alone[word]}" if is_alone else word)
        return found

    def _current(self, word: str) -> str:
        name, equals, value = word.partition("=")
        if name not in self.renamed:
            return word
        say(f"{name} is called {self.renamed[name]} now; both work.")
        return f"{self.renamed[name]}{equals}{value}"


class FormerArgument(click.Argument):
    """Argument of an earlier release that became an option: still read, no longer shown."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return nothing for the usage line."""
        return []


class Commands(click.Group):
    """Group whose commands keep their order; a `ToolkitError` or a usage error ends it as one sentence with exit code 2.

    Args:
        default: verb that is meant where none is named: `xstilts sweep FILE` is `xstilts sweep run FILE`.
        bare: verb that is meant where nothing at all is given; None: the help is shown.
        leading: options with a value that may precede the verb.
    """

    command_class = Command

    def __init__(
        self,
        *args: Any,
        default: str | None = None,
        bare: str | None = None,
        leading: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.default, self.bare, self.leading = default, bare, tuple(leading)
        self.no_args_is_help = bare is None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of a user's day, not of the alphabet."""
        return list(self.commands)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context; a usage error is one sentence."""
        words = tuple(args)  # click takes them from the list
        try:
            context = super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            _raise(error)
        context.meta.setdefault(_WORDS, words)
        return context

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb that is meant where none is named."""
        return super().parse_args(ctx, args if self.default is None else self._with_verb(ctx, args))

    def _with_verb(self, ctx: click.Context, args: list[str]) -> list[str]:
        before: list[str] = []
        rest = list(args)
        while rest and rest[0].partition("=")[0] in self.leading:
            length = 1 if "=" in rest[0] else 2
            before, rest = [*before, *rest[:length]], rest[length:]
        if not rest:
            return [self.bare, *before] if self.bare is not None else list(args)
        if rest[0] in ctx.help_option_names:
            return rest
        if rest[0] in self.commands:
            return [rest[0], *before, *rest[1:]]
        return [str(self.default), *before, *rest]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a user error is one sentence with exit code 2, everything else keeps its traceback."""
        try:
            if ctx.parent is None:
                require_shared(ctx.meta.get(_WORDS, ()))
            return super().invoke(ctx)
        except ToolkitError as error:
            echo_end(f"Error: {short_words(str(error))}")
            ctx.exit(1 if isinstance(error, PartlyDone) else 2)
        except (OSError, MemoryError, RuntimeError) as error:
            echo_end(f"Error: {_of_the_system(error, str(ctx.invoked_subcommand))}")
            ctx.exit(2)
        except KeyboardInterrupt as error:
            echo_end(_interrupted(ctx, error))
            ctx.exit(130)
        except click.UsageError as error:
            _raise(error)


def _of_the_system(error: OSError | MemoryError | RuntimeError, command: str) -> str:
    """Return the sentence of a full disk, of memory that is used up or a name that is too long; anything else keeps its traceback."""
    if (used_up := without_memory(error, command)) is not None:
        return used_up
    if not isinstance(error, OSError):
        raise error
    name = os.fsdecode(error.filename or "a file")
    if error.errno == errno.ENAMETOOLONG:
        return f"'{short_words(name)}' is longer than a file's name can be here; give a shorter one."
    if error.errno not in FULL:
        raise error
    return str(unwritable(Path(name), error))


def _settings_called(option: str, ctx: click.Context | None) -> list[str]:
    """Return the settings that an option's name is the end of, or another library's name for; those of the command first."""
    from toolkit.config.convert import declared

    if ctx is None or not any(parameter.name == "sets" for parameter in ctx.command.params):
        return []
    leaf = option.lstrip("-").replace("-", "_")
    keys = [key for key, to in declared().items() if leaf in (key, key.rpartition(".")[2], *to.about.also)]
    own = {
        "train": "train",
        "fuse": "train",
        "run": "train",
        "eval": "eval",
        "retrieve": "retrieve",
        "mine": "retrieve",
    }
    section = own.get(str(ctx.command.name), "train")
    return [key for key in keys if key.startswith(f"{section}.")] or keys[:3]


def _interrupted(ctx: click.Context, error: KeyboardInterrupt) -> str:
    """Return the sentence of an interruption: what is kept, and the command that continues."""
    again = shlex.join([*_program(ctx), *ctx.meta.get(_WORDS, ())])
    if isinstance(error, Interrupted):
        return f"Interrupted: {error}; `{again}` continues from there."
    return f"Interrupted; `{again}` does what is left to do."


def _program(ctx: click.Context) -> list[str]:
    """Return the words that call the program, as the user called it."""
    script = sys.argv[0]
    is_script = script.endswith(".py") and Path(script).name == ctx.find_root().info_name
    return ["python", script] if is_script else [PROGRAM]


def _raise(error: click.UsageError) -> NoReturn:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        raise error
    raise UserError.of(error) from None


class Program(Commands):
    """The whole command line: its help is one tree in sections, with the verbs of each group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections: dict[str, list[str]] = {}

    def add_section(self, title: str, commands: Sequence[click.Command]) -> None:
        """Add commands under a heading of the help."""
        for command in commands:
            self.add_command(command)
        self.sections[title] = [str(command.name) for command in commands]

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; SIGTERM ends it as Ctrl-C does, and `--out` copies what this process wrote."""
        with seldom_collected(), ended_like_ctrl_c(), one_of_several(), kept():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a second Ctrl-C, while the first one is reported, ends with the same code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(130)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        width = max(len(name) for names in self.sections.values() for name in names)
        for title, names in self.sections.items():
            rows = []
            for name in names:
                command = self.commands[name]
                verbs = f" ({', '.join(command.commands)})" if isinstance(command, click.Group) else ""
                rows.append((name.ljust(width), _first_sentence(command) + verbs))
            with formatter.section(title):
                formatter.write_dl(rows)


def _first_sentence(command: click.Command) -> str:
    paragraph = (command.help or "").split("\n\n")[0].replace("\n", " ")
    return " ".join(paragraph.split()).removesuffix(".")


def example(*lines: str) -> str:
    """Return worked examples as a help epilogue that click does not rewrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
