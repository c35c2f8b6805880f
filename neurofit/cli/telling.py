"""What the commands print and save of a run: its introduction, tables, pictures, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from neurofit.cli.console import console
from neurofit.errors import writing
from neurofit.run.failures import all_failed
from neurofit.run.textfiles import beside

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from neurofit.check import Trial
    from neurofit.problem.problem import Problem
    from neurofit.report.arrays import Results
    from neurofit.report.pictures import Material, Picture
    from neurofit.run.results import Run
    from neurofit.run.stages import Step, TryOut


def introduction(step: Step) -> str:
    """What is going to be fitted, where to, and what its file is warned of; of a run that begins also what it was
    given.
    """
    problem, fit = step.problem, step.problem.fit
    head = (
        f"[bold]{escape(step.title)}[/bold]: {len(problem.space)} parameters, {len(problem.objectives)} objectives, "
        f"{len(problem.rules)} rules; {fit.budget} evaluations with {fit.optimizer}, seed {fit.seed}, "
        f"into {escape(str(step.directory))}"
    )
    there = _there(step)
    given, doubts = (step.start.lines, step.start.warnings) if step.start else ((), ())
    warned = (f"[yellow]warning: {escape(warning)}[/yellow]" for warning in (*problem.warnings, *doubts))
    return "\n".join((head, *there, *(escape(line) for line in given), *warned))


def _there(step: Step) -> tuple[str, ...]:
    """What the step's directory has already: of other runs, and of its own where that is more than is asked for."""
    from neurofit.archive import exists, read

    if not exists(step.directory):
        return ()
    contents, budget = read(step.directory), step.problem.fit.budget
    known = f"warm start: {len(contents.warm)} evaluations of other runs are known to the optimizer since it began"
    warm = (escape(known),) if step.problem.fit.warm_start else ()
    n = len(contents.rows) - len(contents.given)
    if n <= budget:
        return warm
    beside = f", of which {len(contents.given)} were given and count nothing" if contents.given else ""
    said = f"{len(contents.rows)} evaluations are there already{beside}"
    return (f"{said}; a budget of {budget} is for all of them: one above {n} goes on", *warm)


def tell_fitted(screen: Console, run: Run) -> None:
    """A fit's tables, its pictures, which are saved beside its results, and what to do next."""
    from neurofit.report.pictures import overview

    material = run.material()
    for table in _tables(run, material.results):
        screen.print(table, "")
    written = save(overview(material), run.directory)
    for line in _closing(run):
        screen.print(line, markup=False, soft_wrap=True)
    failed = all_failed(run.searched)
    _where(screen, run.directory, written, feasible=bool(material.results.feasible.any()), failed=failed)


def tell(screen: Console, run: Run) -> None:
    """The tables of a run, of each stage where it has some."""
    from neurofit.report.arrays import gather

    for name, part in run.parts.items():
        heading(screen, name)
        for table in _tables(part, gather(part.header, part.raw)):
            screen.print(table, "")
        for line in part.remarks:
            screen.print(line, markup=False, soft_wrap=True)


def tell_trial(screen: Console, tried: TryOut, trial: Trial) -> None:
    """What trying out a problem gave."""
    from neurofit.report import checked

    problem = tried.problem
    heading(screen, tried.stage)
    for line in tried.lines:
        screen.print(Text(line), "", soft_wrap=True)
    for table in checked.tables(problem, trial):
        screen.print(table, "")
    tell_doubts(screen, problem)
    _warn(screen, tried.warnings)
    screen.print(Text(checked.summary(problem, trial)), soft_wrap=True)
    if said := checked.simulation(problem, trial):
        screen.print(Text(said), soft_wrap=True)
    screen.print(Text(checked.estimate(problem, trial)), soft_wrap=True)


def tell_doubts(screen: Console, problem: Problem) -> None:
    """What the file of a problem is warned of."""
    _warn(screen, problem.warnings)


def _warn(screen: Console, warnings: Iterable[str]) -> None:
    for warning in warnings:
        screen.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)


def heading(screen: Console, stage: str) -> None:
    """The name of a stage above what is told of it; nothing where there are no stages."""
    if stage:
        screen.print(Text(f"Stage {stage}", style="bold underline"), "")


def pictures(run: Run, material: Material | None = None, only: Sequence[str] | None = None) -> Iterator[Picture]:
    """All that can be drawn, and a line on stderr for what cannot, or `only` those of some names; a terminal is told
    what is at work.

    Raises ConfigError for a name that no picture has, NeurofitError where the run lacks what an asked one needs.
    """
    from neurofit.report.pictures import kind_of, picture, pictures

    for name in only or ():
        kind_of(name, "--only")
    screen = console(stderr=True)

    def left_out(line: str) -> None:
        screen.print(Text(line, style="dim"), soft_wrap=True)

    with screen.status("simulating and drawing …") if screen.is_terminal else nullcontext() as status:
        material = material or run.material()
        if material.problem is None:
            left_out(f"no targets, traces and surrogate: {material.trouble}")
        drawn: list[str] = []
        for made in (picture(name, material) for name in only) if only else pictures(material, left_out):
            drawn.append(made.name)
            if status is not None:
                status.update(f"drawn: {', '.join(drawn)} …")
            yield made


def save(made: Iterable[Picture], directory: Path) -> list[Path]:
    """Saves pictures by their names, and gives the files."""
    from neurofit.report.style import save

    return [save(picture.figure, directory / f"{picture.name}.png") for picture in made]


def write_report(run: Run, path: Path) -> None:
    """Writes the HTML report of a run, whole or not at all. Raises ArchiveError where it cannot, before it draws."""
    from neurofit.report.page import page

    with beside(path, "give --out another file") as new:
        material = run.material()
        text = page(run.header, material, list(pictures(run, material)), run.seconds, _closing(run))
        with writing(path):
            new.write_text(text, encoding="utf-8")


def _tables(run: Run, results: Results) -> Iterator[Table]:
    from neurofit.report import shown

    return shown.tables(results, results.chosen(), run.seconds, run.ended)


def _closing(run: Run) -> tuple[str, ...]:
    """How a run was simulated, and why it is over."""
    return (*run.remarks, f"Ended: {run.ended}" if run.ended else "Not finished: fit into the same directory goes on.")


def _where(screen: Console, directory: Path, written: list[Path], feasible: bool, failed: bool) -> None:
    """Where a fit's files are, and what to do next."""
    files = ["results.h5", "problem.yaml", "log.txt", *(p.name for p in written)]
    screen.print(f"Written to {directory}: {', '.join(files)}", markup=False, soft_wrap=True)
    if feasible:
        quoted = shlex.quote(str(directory))  # as a shell takes it
        screen.print(
            f"Next: neurofit report {quoted} (one HTML page of pictures and tables), or", markup=False, soft_wrap=True
        )
        screen.print(f"      neurofit export {quoted} --solution best --to json", markup=False, soft_wrap=True)
    elif not failed:
        screen.print(
            "Nothing feasible yet. Next: fit again into the same directory with a larger budget, or look at the",
            "rules above that hardly ever hold, and widen the bounds or loosen the rules.",
            markup=False,
            soft_wrap=True,
        )
