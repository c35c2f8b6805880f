"""The commands: run, status, table, pack, unpack; and `one`, a single run, which `run` starts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from benchmarks.optimizers import jobs, packing, plots, reduction, running, tables
from benchmarks.optimizers.cases import CASES, HERE, Case
from benchmarks.optimizers.configurations import ABLATIONS, CONFIGURATIONS, OPTIMIZERS, Configuration
from benchmarks.optimizers.jobs import Job
from neurofit.errors import ConfigError, NeurofitError
from neurofit.report.style import save

_WHAT = ("optimizers", "ablations")


def main(given: Sequence[str] | None = None) -> None:
    """Ends with 0, 1 where a run failed, 2 where the input is wrong."""
    asked = _parser().parse_args(given)
    os.chdir(HERE)
    try:
        well = asked.do(asked)
    except NeurofitError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    sys.exit(0 if well else 1)


def _run(asked: argparse.Namespace) -> bool:
    planned = _planned(asked)
    if asked.fresh:
        for job in planned:
            running.remove(job.case, job.configuration, job.seed)
            if (packed := running.packed_file(job.case, job.configuration, job.seed)).exists():
                print(f"{packed} would be taken back: delete it too, or leave {job.name} out", file=sys.stderr)
                return False
        reduction.forget(job.key for job in planned)
    # What is known to be long enough is not run again, also where only its numbers are left.
    entries = reduction.stored()
    done = [j.key for j in planned if j.key in entries and entries[j.key]["evaluations"] >= j.total]
    left = jobs.left(planned, done)
    print(f"{len(left)} runs to do, {len(planned) - len(left)} done or left out", flush=True)
    return jobs.work(left, asked.jobs, asked.minutes)


def _one(asked: argparse.Namespace) -> bool:
    case, configuration = CASES[asked.problem], CONFIGURATIONS[asked.configuration]
    running.one(case, configuration, asked.seed, asked.budget or configuration.budget(case))
    return True


def _status(asked: argparse.Namespace) -> bool:
    entries = reduction.stored()
    rows: dict[tuple[str, str], list[str]] = {}
    for job in sorted(_planned(asked), key=lambda j: list(CASES).index(j.case.name)):
        here = running.evaluations(job.case, job.configuration, job.seed)
        n = max(here, entries.get(job.key, {}).get("evaluations", 0))
        known = "*" if n > here else ""  # only its numbers are left
        rows.setdefault(job.key[:2], []).append(f"{n}{known}/{job.total}")
    for (problem, label), shown in rows.items():
        print(f"{problem:18} {label:15} {'  '.join(shown)}")
    return True


def _table(asked: argparse.Namespace) -> bool:
    entries = reduction.update()
    print(tables.short(entries))
    Path("RESULTS.md").write_text(tables.text(entries), encoding="utf-8")
    every = tables.groups(entries)
    for what, chosen, title in (
        (OPTIMIZERS, [g for g in every if not g.case.unseen], "Optimizers"),
        (ABLATIONS, [g for g in every if g.case.unseen], "Ablations of the joint search"),
    ):
        drawn = [g for g in chosen if g.configuration in what]
        if drawn:
            save(plots.curves_figure(drawn, title), Path("curves.png" if what is OPTIMIZERS else "ablations.png"))
    return True


def _pack(asked: argparse.Namespace) -> bool:
    for job in _planned(asked):
        if running.evaluations(job.case, job.configuration, job.seed):
            for file in running.pack(job.case, job.configuration, job.seed):
                print(f"{file}: {packing.size(file)} evaluations, {file.stat().st_size / 1000:.0f} kB")
    return True


def _unpack(asked: argparse.Namespace) -> bool:
    for job in _planned(asked):
        if running.taken_back(job.case, job.configuration, job.seed):
            print(f"{job.name}: unpacked")
    return True


def _planned(asked: argparse.Namespace) -> list[Job]:
    """The jobs that the options name; without any, the optimizers on the seen problems and the ablations on others."""
    made: list[Job] = []
    for what in asked.what or _WHAT:
        cases = [c for c in CASES.values() if c.unseen == (what == "ablations")]
        sets = OPTIMIZERS if what == "optimizers" else ABLATIONS
        chosen = [c for c in cases if asked.problems is None or c in asked.problems]
        configurations = [c for c in sets if asked.configurations is None or c in asked.configurations]
        made += jobs.planned(chosen, configurations, asked.seeds, asked.budget)
    return sorted(made, key=lambda job: job.seed)


def _part(text: str) -> str:
    return _known(text, _WHAT)[0]


def _cases(text: str) -> list[Case]:
    return [CASES[name] for name in _known(text, CASES)]


def _configurations(text: str) -> list[Configuration]:
    return [CONFIGURATIONS[label] for label in _known(text, CONFIGURATIONS)]


def _known(text: str, known: Collection[str]) -> list[str]:
    names = text.split(",")
    wrong = [name for name in names if name not in known]
    if wrong:
        raise argparse.ArgumentTypeError(f"no {', '.join(wrong)}; there are {', '.join(known)}")
    return names


def _seeds(text: str) -> list[int]:
    """1-3,5 is 1, 2, 3 and 5."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python benchmarks/optimizers", description=__doc__)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("what", nargs="*", type=_part, metavar="PART", help=f"{' or '.join(_WHAT)}; both by default")
    which.add_argument("--problems", type=_cases, help="names, comma-separated")
    which.add_argument("--configurations", type=_configurations, help="labels, comma-separated")
    which.add_argument("--seeds", type=_seeds, default=_seeds("1-5"), help="such as 1-5 (the default)")
    which.add_argument("--budget", type=int, help="evaluations in all, instead of the problem's own number")
    run = commands.add_parser("run", parents=[which], help="does what is left to do")
    run.add_argument("--jobs", type=int, default=1, help="runs at a time")
    run.add_argument("--minutes", type=float, help="stop after so long; the same command goes on")
    run.add_argument("--fresh", action="store_true", help="forget the runs that are chosen, and begin them anew")
    run.set_defaults(do=_run)
    for name, do, meaning in (
        ("status", _status, "evaluations done, of those wanted; * where only results.json has them"),
        ("pack", _pack, "puts runs into archives/"),
        ("unpack", _unpack, "makes runs of archives/ again"),
    ):
        commands.add_parser(name, parents=[which], help=meaning).set_defaults(do=do)
    commands.add_parser("table", help="updates results.json, writes tables, draws curves").set_defaults(do=_table)
    one = commands.add_parser("one", help="a single run")
    one.add_argument("problem", choices=list(CASES))
    one.add_argument("configuration", choices=list(CONFIGURATIONS))
    one.add_argument("seed", type=int)
    one.add_argument("--budget", type=int)
    one.set_defaults(do=_one)
    return made
