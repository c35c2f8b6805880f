"""Shows a fit as it goes on: a panel that is redrawn, on a terminal and in a notebook; a line a batch elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from neurofit.errors import ConfigError
from neurofit.report.numbers import duration, number, percent
from neurofit.run.progress import Progress

_MOST_RULES = 14
_REDRAW = 0.2  # s


class Watch:
    """An observer of a fit that shows how it goes: `neurofit.fit(..., progress=neurofit.Watch())`.

    Outside a notebook use `with`, which clears the terminal's panel at the end. `name` is what is being fitted. Raises
    ConfigError where `console` is none.
    """

    def __init__(self, console: Console | None = None, name: str = ""):
        if console is not None and not isinstance(console, Console):
            raise ConfigError("console", got=console, expected="a Console of rich, or None; a fit's name is `name=`")
        console = console or Console()
        self._console, self._name = console, name
        self._last: Progress | None = None
        self._printed = -1
        self._shown = 0.0
        self._cell = _Cell() if console.is_jupyter else None
        terminal = console.is_terminal and self._cell is None
        self._live = Live(console=console, auto_refresh=False, transient=True) if terminal else None

    def __enter__(self) -> Watch:
        if self._live is not None:
            self._live.start()
            self._live.update(Text(f"{self._name}: starting workers, building mechanisms …", style="dim"), refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._cell is None and self._last is not None and self._printed < self._last.evaluations:
            self._line(self._last)

    def __call__(self, progress: Progress) -> None:
        earlier, self._last = self._last, progress
        # called once more without an evaluation: a batch is over
        over = earlier is not None and earlier.evaluations == progress.evaluations
        if self._live is not None or self._cell is not None:
            now = time.monotonic()
            if now - self._shown >= _REDRAW or over or progress.evaluations >= progress.budget:
                self._shown = now
                self._redraw(panel(self._name, progress, over))
        elif over:
            self._line(progress)

    def _redraw(self, shown: Panel) -> None:
        if self._live is not None:
            self._live.update(shown, refresh=True)
        elif self._cell is not None:
            self._cell.show(shown)

    def _line(self, progress: Progress) -> None:
        self._printed = progress.evaluations
        self._console.print(line(progress), highlight=False, markup=False, soft_wrap=True)


class _Cell:
    """A notebook's output that is written over."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, shown: Panel) -> None:
        from IPython.display import display  # is there where a notebook is

        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)


def line(p: Progress) -> str:
    """The run so far in one line of plain text."""
    best = ", ".join(f"{name} {number(value, 3)}" for name, value in p.best.items())
    rules = ", ".join(f"{name} {percent(share)}" for name, share in p.rule_shares.items())
    failed = ", ".join(f"{name} {count}" for name, count in p.statuses.items() if name != "ok" and count)
    parts = [
        f"batch {p.batch}: {p.evaluations}/{p.budget} evaluations",
        f"{p.feasible} feasible ({percent(p.feasible / max(p.evaluations, 1))})",
        f"hypervolume {p.hypervolume:.3f}" if best else "",
        f"best [std]: {best}" if best else "",
        f"rules: {rules}" if rules else "",
        f"failed: {failed}" if failed else "",
        f"left {duration(p.eta)}",
    ]
    return "; ".join(part for part in parts if part)


def panel(name: str, p: Progress, over: bool = False) -> Panel:
    """The run so far as a panel: a bar, what is best, how often each rule holds; where its batch is `over`, that the
    optimizer is at the next one.
    """
    thinks = ", proposing the next …" if over and p.evaluations < p.budget else ""
    head = Table.grid(padding=(0, 2), expand=True)
    head.add_column(no_wrap=True)
    head.add_column(ratio=1)
    head.add_column(no_wrap=True)
    bar = ProgressBar(total=max(p.budget, 1), completed=p.evaluations)
    head.add_row(f"[bold]{p.evaluations}[/bold]/{p.budget} evaluations", bar, f"{duration(p.eta)} left")
    facts = Table.grid(padding=(0, 2))
    facts.add_row(
        f"feasible [bold]{p.feasible}[/bold] ({percent(p.feasible / max(p.evaluations, 1))})",
        f"hypervolume [bold]{p.hypervolume:.3f}[/bold]" if p.best else "",
        f"batch {p.batch}{thinks}",
        " ".join(f"[red]{status} {count}[/red]" for status, count in p.statuses.items() if status != "ok" and count),
    )
    columns = Table.grid(padding=(0, 4))
    columns.add_row(*([_best(p)] if p.best else []), *([_rules(p)] if p.rule_shares else []))
    return Panel(
        Group(head, facts, Text(), columns), title=f"fitting {name}".strip(), title_align="left", box=box.ROUNDED
    )


def _best(p: Progress) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("objective")
    table.add_column("best [std]".replace("[", r"\["), justify="right")
    for name, value in p.best.items():
        table.add_row(Text(name), number(value, 3))
    return table


def _rules(p: Progress) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("rule")
    table.add_column("satisfied", justify="right")
    rarest = sorted(p.rule_shares.items(), key=lambda item: item[1])[:_MOST_RULES]
    for name, share in rarest:
        table.add_row(Text(name), percent(share))
    return table
