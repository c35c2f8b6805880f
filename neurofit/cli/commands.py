"""The commands: each loads, calls and writes, and ends with 0 (done), 1 (the run failed) or 2 (the input is wrong)."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from neurofit.cli import machine
from neurofit.cli.arguments import DebugOption, FileArgument, RunArgument, SetOption, changed, named, whole
from neurofit.cli.console import at_work, console, guarded
from neurofit.cli.telling import introduction, pictures, save, tell, tell_fitted, tell_trial, write_report
from neurofit.errors import ConfigError
from neurofit.launcher import quiet
from neurofit.optimize import OPTIMIZERS

if TYPE_CHECKING:
    from neurofit.run.results import Run

# What a command needs is imported when it is called: `neurofit --help` need not wait for NEURON's and eFEL's friends.

app = typer.Typer(
    name="neurofit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command()(machine.submit)
app.command()(machine.doctor)
EXPORTS = ("json", "yaml")


def main() -> None:
    """What the `neurofit` script calls."""
    quiet(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"neurofit {version('neurofit')}\n")
        raise typer.Exit


@app.callback()
def options(
    wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which neurofit this is")
    ] = False,
) -> None:
    """Fits NEURON models to electrophysiology with as few simulations as possible."""


@app.command()
def fit(
    file: FileArgument,
    out: Annotated[
        Path | None, typer.Option(parser=named, help="Where results go; an unfinished run there is resumed")
    ] = None,
    budget: Annotated[int | None, whole(1, "Evaluations in all")] = None,
    batch: Annotated[int | None, whole(1, "Candidates asked for at a time")] = None,
    seed: Annotated[int | None, whole(0, "Of the optimizer")] = None,
    workers: Annotated[int | None, whole(1, "Processes; all usable cores by default")] = None,
    optimizer: Annotated[str | None, typer.Option(help=", ".join(OPTIMIZERS))] = None,
    engine: Annotated[
        str | None, typer.Option(help="neuron or coreneuron; by default what a trial finds faster")
    ] = None,
    patience: Annotated[int | None, whole(1, "End after so many evaluations without growth of the hypervolume")] = None,
    warm_start: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="A run whose evaluations are known from the start; may repeat"),
    ] = None,
    changes: SetOption = None,
    debug: DebugOption = False,
) -> None:
    """Fit FILE: search its parameters, keep every evaluation in DIR/results.h5, draw the front."""
    with guarded(debug) as guard:
        from neurofit.executors.job import joined

        joined()  # under mpiexec the other ranks stay in here, and none of them reads or prints
        from neurofit.report.live import Watch
        from neurofit.run.failures import check_some_worked
        from neurofit.run.fit import fit_step, overrides
        from neurofit.run.stages import load_work, placed, read_from, steps

        given = {"budget": budget, "batch": batch, "seed": seed, "workers": workers, "optimizer": optimizer}
        given |= {"engine": engine, "patience": patience, "warm_start": warm_start or None}
        wanted = changed(changes) | overrides(given)
        screen = console()
        with read_from(file, wanted, {name for name, value in given.items() if value is not None}):
            work = load_work(file, wanted)
            for step in steps(work, Path("runs") / work.name if out is None else out):
                guard.log = step.directory / "log.txt"
                screen.print(introduction(step), highlight=False, soft_wrap=True)
                with Watch(screen, step.title) as watch, placed(step.of):
                    run = fit_step(step, watch)
                tell_fitted(screen, run)
                check_some_worked(run.searched)


@app.command()
def check(file: FileArgument, changes: SetOption = None, debug: DebugOption = False) -> None:
    """Validate FILE, build its model, evaluate it once, and say what everything is and how long a fit takes."""
    with guarded(debug):
        from neurofit.check import try_out
        from neurofit.run.stages import load_work, placed, read_from, trials

        wanted = changed(changes)
        with read_from(file, wanted):
            for trial in trials(load_work(file, wanted)):
                with placed(trial.of), at_work(console(stderr=True)) as told:
                    found = try_out(trial.problem, told)
                tell_trial(console(), trial, found)


@app.command()
def show(
    run: RunArgument,
    as_json: Annotated[bool, typer.Option("--json", help="The summary and the front as JSON")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every evaluation as CSV")] = False,
    debug: DebugOption = False,
) -> None:
    """Show what is in RUN, also while it is still being fitted."""
    with guarded(debug):
        if as_json and as_csv:
            raise ConfigError("--json --csv", expected="one of the two")
        opened = _open(run)
        if as_json:
            sys.stdout.write(json.dumps(opened.summary(), indent=2) + "\n")
        elif as_csv:
            opened.flat().to_csv(sys.stdout)
        else:
            tell(console(), opened)


@app.command()
def retarget(
    run: RunArgument,
    file: FileArgument,
    out: Annotated[
        Path, typer.Option(parser=named, help="A new directory, into which `neurofit fit FILE` then goes on")
    ],
    changes: SetOption = None,
    debug: DebugOption = False,
) -> None:
    """Score RUN's evaluations by the targets and rules of FILE, without a simulation."""
    with guarded(debug):
        from neurofit.builtin import fit_file
        from neurofit.config import load
        from neurofit.run.retarget import retargeted
        from neurofit.run.stages import read_from

        wanted = changed(changes)
        with read_from(file, wanted):
            made = retargeted(_open(run), load(fit_file(file), wanted), out, file)
        screen = console()
        tell(screen, made)
        screen.print(
            f"Written to {out}. Next: neurofit fit {shlex.quote(file)} --out {shlex.quote(str(out))}",
            markup=False,
            soft_wrap=True,
        )


@app.command()
def plot(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="The directory that a fit wrote, or several to compare")
    ],
    out: Annotated[
        Path | None, typer.Option(parser=named, help="Where the pictures go; the first RUN by default")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PICTURE", help="One alone, such as front or traces; may repeat")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Draw every picture of RUN that there is material for; of several runs, how their hypervolumes grew."""
    with guarded(debug):
        if len(runs) == 1:
            parts, home = _open(runs[0]).parts.items(), out or runs[0]
            written = [path for name, part in parts for path in save(pictures(part, only=only), home / name)]
        elif only:
            raise ConfigError("--only", got=", ".join(only), expected="one RUN: of several there is one picture alone")
        else:
            from neurofit.report import style
            from neurofit.run.comparing import compare

            written = [style.save(compare([_open(run) for run in runs]), (out or runs[0]) / "hypervolumes.png")]
        for path in written:
            console().print(str(path), highlight=False, markup=False, soft_wrap=True)


@app.command()
def report(
    run: RunArgument,
    out: Annotated[Path | None, typer.Option(parser=named, help="The HTML file; RUN/report.html by default")] = None,
    debug: DebugOption = False,
) -> None:
    """Write RUN's pictures and tables as one HTML file."""
    with guarded(debug):
        whole = out or run / "report.html"
        for name, part in _open(run).parts.items():
            path = whole.parent / name / whole.name
            write_report(part, path)
            console().print(str(path), highlight=False, markup=False, soft_wrap=True)


@app.command()
def export(
    run: RunArgument,
    solution: Annotated[str, typer.Option(help="An evaluation's number, best or knee")] = "best",
    to: Annotated[str, typer.Option(help="json or yaml")] = "json",
    debug: DebugOption = False,
) -> None:
    """Print a solution of RUN: parameters with units, features, objectives."""
    with guarded(debug):
        from neurofit.export.values import exported

        if to not in EXPORTS:
            raise ConfigError(
                "--to", got=to, expected=f"one of {', '.join(EXPORTS)} (hoc and python are not there yet)"
            )
        opened = _open(run)
        if solution not in ("best", "knee") and not solution.lstrip("#").isdigit():
            raise ConfigError("--solution", got=solution, expected="an evaluation's number, best or knee")
        sys.stdout.write(exported(opened, solution.lstrip("#"), to))


@app.command()
def new(
    template: Annotated[
        str, typer.Argument(metavar="TEMPLATE", help="A built-in model: `neurofit templates` lists them")
    ],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder")],
    debug: DebugOption = False,
) -> None:
    """Copy a built-in model's folder to DIR, to make it your own."""
    with guarded(debug):
        from neurofit.builtin import copy

        made = copy(template, directory)
        screen = console()
        screen.print(f"copied {template} to {directory}", highlight=False, markup=False, soft_wrap=True)
        for path in made:
            screen.print(f"  neurofit fit {shlex.quote(str(path))}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def templates(debug: DebugOption = False) -> None:
    """List the built-in models and their fit files."""
    with guarded(debug):
        from neurofit.builtin import fit_files
        from neurofit.config import templates as described
        from neurofit.report.checked import plain

        table = plain("Built-in models", "name", "fit files", "description")
        for name, description in described():
            files = "\n".join(f"models/{name}/{f.name}" for f in fit_files() if f.parent.name == name)
            table.add_row(name, files, Text(description))
        console().print(table)


@app.command()
def features(debug: DebugOption = False) -> None:
    """List every feature that objectives and rules may read, with its unit."""
    with guarded(debug):
        from neurofit.problem import catalogue
        from neurofit.report.checked import plain

        table = plain("Features", "name", "unit", "read from", "of", "what")
        for name in catalogue.names():
            spec = catalogue.spec(name)
            table.add_row(spec.name, Text(spec.unit), spec.scope, spec.source, Text(spec.doc))
        console().print(table)


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(help="fit, staged, model, network, function or protocol")] = "fit",
    debug: DebugOption = False,
) -> None:
    """Print the JSON Schema of a fit file, for editors."""
    with guarded(debug):
        from neurofit.config import json_schema
        from neurofit.config.schema.base import did_you_mean
        from neurofit.config.schema.fit import SCHEMAS

        if kind not in SCHEMAS:
            expected = f"one of {', '.join(SCHEMAS)}{did_you_mean(kind, list(SCHEMAS))}"
            raise ConfigError("KIND", got=kind, expected=expected)
        sys.stdout.write(json.dumps(json_schema(kind), indent=2) + "\n")


def _open(directory: Path) -> Run:
    from neurofit.run.results import open_run

    return open_run(directory)
