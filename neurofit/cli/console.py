"""How every command talks to a person: plain text on stdout, one clear message on stderr when something is wrong."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Timer

import typer
from rich.console import Console
from rich.text import Text

from neurofit.errors import NeurofitError
from neurofit.launcher import place

_LONG = 2.0  # s: what takes longer is told where no line can change
_WIDE = 140  # columns where nobody says how wide the screen is: a file or a pipe


class Guard:
    """`log` is where the traceback of an unexpected error goes, once a command knows it."""

    log: Path | None = None


@contextmanager
def guarded(debug: bool) -> Iterator[Guard]:
    """Ends the command inside with one message and the right exit code, whatever happens.

    `debug` shows tracebacks; otherwise that of an unexpected error goes to the guard's log.
    """
    guard = Guard()
    try:
        yield guard
    except NeurofitError as error:
        if debug:
            traceback.print_exc()
        complain(str(error))
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(1) from None
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except typer.Exit:
        raise
    except Exception as error:
        where = _keep(guard.log, debug)
        what = str(error).strip().splitlines() or ["no message"]
        complain(f"unexpected {type(error).__name__}: {what[0]}; {where}")
        raise typer.Exit(1) from None


def complain(message: str) -> None:
    """The one message on stderr."""
    console(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


@contextmanager
def at_work(screen: Console) -> Iterator[Callable[[str], None]]:
    """Gives what to call with what a command is at: a line that changes on a terminal, elsewhere one of each thing that
    takes long.
    """
    if screen.is_terminal:
        with screen.status("") as status:
            yield lambda what: status.update(Text(f"{what} …", style="dim"))
        return
    waiting: list[Timer] = []

    def begun(what: str) -> None:
        for timer in waiting:
            timer.cancel()
        line = Text(f"{what} …", style="dim")
        waiting[:] = [Timer(_LONG, screen.print, (line,), {"soft_wrap": True})]
        waiting[0].daemon = True
        waiting[0].start()

    try:
        yield begun
    finally:
        for timer in waiting:
            timer.cancel()


def console(stderr: bool = False) -> Console:
    """A console that colours nothing by itself, and in an MPI job no terminal.

    Open MPI gives its ranks a terminal wherever their words go, so that a panel would be redrawn in a job's log.
    """
    made = Console(stderr=stderr, highlight=False, force_terminal=False if place(os.environ) else None)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _WIDE
    return made


def _keep(log: Path | None, debug: bool) -> str:
    """Puts the traceback where it can be found, and says where that is."""
    if debug:
        traceback.print_exc()
        return "see above"
    if log is None:
        return "run it again with --debug for the traceback"
    try:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{datetime.now().isoformat(timespec='seconds')} unexpected error\n{traceback.format_exc()}")
    except OSError:  # there is no such folder yet, or the disk is what is wrong
        return "run it again with --debug for the traceback"
    return f"the traceback is in {log}"
