"""The commands that are about machines rather than runs: what is there, and jobs for a queue."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from neurofit.cli.arguments import DebugOption, FileArgument, SetOption, changed, named, whole
from neurofit.cli.console import console, guarded
from neurofit.cli.telling import heading, tell_doubts
from neurofit.errors import NeurofitError


def submit(
    file: FileArgument,
    scheduler: Annotated[str, typer.Option(help="slurm or pbs")],
    out: Annotated[Path | None, typer.Option(parser=named, help="Where results, the script and its log go")] = None,
    ranks: Annotated[int, whole(1, "MPI ranks; each evaluates")] = 8,
    ranks_per_node: Annotated[int, whole(0, "0: as the queue likes")] = 0,
    walltime: Annotated[str, typer.Option(help="hours:minutes:seconds")] = "4:00:00",
    stop_before: Annotated[int, whole(1, "Seconds before that in which the run stops in order")] = 300,
    module: Annotated[list[str] | None, typer.Option(help="A module to load; may repeat")] = None,
    partition: Annotated[str, typer.Option(help="Partition or queue")] = "",
    account: Annotated[str, typer.Option(help="Who pays")] = "",
    mem: Annotated[str, typer.Option(help="Memory of each rank: 2G")] = "",
    seeds: Annotated[str, typer.Option(help="An array of runs: 1-5, or 1,4,9; each in OUT/seed-N")] = "",
    launcher: Annotated[str, typer.Option(help="Instead of mpiexec: `srun --mpi=pmi2`")] = "",
    budget: Annotated[int | None, whole(1, "Evaluations in all")] = None,
    changes: SetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the script and submit nothing")] = False,
    debug: DebugOption = False,
) -> None:
    """Hand FILE to a queue: a job that stops before its time is up, queues again, and goes on."""
    with guarded(debug):
        from neurofit import hpc
        from neurofit.run.stages import load_work, parts_of, read_from

        options = [f"--set={change}" for change in changes or []] + ([f"--budget={budget}"] if budget else [])
        wanted = changed(changes) | ({} if budget is None else {"fit.budget": str(budget)})
        with read_from(file, wanted, () if budget is None else {"budget"}):
            work = load_work(file, wanted)
        aside = console(stderr=True)  # as the script may be what stdout is for
        for stage, problem in parts_of(work):
            if problem.warnings:
                heading(aside, stage)
                tell_doubts(aside, problem)
        directory = Path("runs") / work.name if out is None else out
        job = hpc.Job(
            name=hpc.job_name(work.name),
            ranks=ranks,
            ranks_per_node=ranks_per_node,
            walltime=hpc.seconds_of(walltime),
            margin=stop_before,
            modules=tuple(module or ()),
            partition=partition,
            account=account,
            memory=mem,
            seeds=hpc.seeds_of(seeds),
            launcher=launcher,
        )
        text = hpc.script(scheduler, job, [file, *options], directory)
        if dry_run:
            sys.stdout.write(text)
            return
        said = hpc.submit(scheduler, text, directory)
        console().print(f"{said}\nWritten to {directory}: {hpc.SCRIPT}", markup=False, highlight=False, soft_wrap=True)


def doctor(debug: DebugOption = False) -> None:
    """Look for what neurofit needs on this machine, and say what to do where it is missing."""
    with guarded(debug):
        from neurofit.doctor import examine

        screen = console()
        missing = False
        for finding in examine():
            missing |= finding.needed and not finding.fine
            mark = (
                "[green]ok[/green]     "
                if finding.fine
                else "[red]missing[/red]"
                if finding.needed
                else "[yellow]absent[/yellow] "
            )
            screen.print(f"{mark} {finding.name}: {escape(finding.found)}", highlight=False, soft_wrap=True)
            if not finding.fine:
                screen.print(f"        {escape(finding.advice)}", highlight=False, soft_wrap=True)
        if missing:
            raise NeurofitError("something that every fit needs is missing; see above")
