"""The commands: one for each thing that is measured, and the tables of all that has been."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.speed import compare, memory, profile, results, workers
from benchmarks.speed.cases import CASES, Case
from neurofit.errors import NeurofitError

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(given: Sequence[str] | None = None) -> None:
    """Ends with 1 where a run failed or scores were not equal."""
    asked = _parser().parse_args(given)
    # of what is started from here, on both sides
    os.environ |= dict.fromkeys(_ONE_THREAD, "1") | {"NEURON_MODULE_OPTIONS": "-nogui"}
    try:
        for name, entry in asked.do(asked).items():
            results.keep(name, entry, asked.file)
            if name in CASES:
                compare.checked(entry)
    except NeurofitError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    print(results.table(results.stored(asked.file)))


def _case(asked: argparse.Namespace, name: str) -> Case:
    return replace(CASES[name], given=tuple(asked.changes))


def _change(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"KEY=VALUE is wanted, not {text}")
    return key, value


def _compare(asked: argparse.Namespace) -> dict[str, Any]:
    case = _case(asked, asked.what)
    rounds, batch, peers = asked.rounds or case.rounds, asked.batch or case.batch, asked.peers or case.peers
    return {case.name: compare.compare(case, rounds, batch, min(peers, batch))}


def _workers(asked: argparse.Namespace) -> dict[str, Any]:
    return {"workers": workers.measure(_case(asked, "a"), asked.rounds, asked.candidates, asked.joint)}


def _memory(asked: argparse.Namespace) -> dict[str, Any]:
    return {"memory": memory.measure(asked.evaluations)}


def _profile(asked: argparse.Namespace) -> dict[str, Any]:
    chosen = [_case(asked, name) for name in asked.cases or CASES]
    return {
        f"profile {c.name}": profile.profile(c, asked.batches * (asked.batch or c.batch), asked.batch or c.batch)
        for c in chosen
    }


def _table(_: argparse.Namespace) -> dict[str, Any]:
    return {}


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    made.add_argument("--file", type=Path, default=results.RESULTS, help="where the results are kept")
    made.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        type=_change,
        metavar="KEY=VALUE",
        help="changes the cases' files for neurofit, such as fit.engine=neuron",
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND", dest="what")

    def command(name: str, do: Callable[[argparse.Namespace], dict[str, Any]], meaning: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=meaning)
        parser.set_defaults(do=do)
        return parser

    for case in CASES.values():
        parser = command(case.name, _compare, f"{case.title}: neurofit against BluePyOpt")
        parser.add_argument("--rounds", type=int, help="turns of each side")
        parser.add_argument("--batch", type=int, help="neurofit's candidates in a turn")
        parser.add_argument("--peers", type=int, help="BluePyOpt's candidates in a turn, which neurofit has too")
    parser = command("workers", _workers, "scaling and busy share")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--candidates", type=int, default=100, help="in a round; twice as many for the busy share")
    parser.add_argument("--joint", type=int, default=100, help="evaluations of the joint fit")
    command("memory", _memory, "many evaluations").add_argument("--evaluations", type=int, default=20_000)
    parser = command("profile", _profile, "what is not the simulator's kernel")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="all by default")
    parser.add_argument("--batches", type=int, default=4, help="of which the first is not counted")
    parser.add_argument("--batch", type=int, help="candidates in each")
    command("table", _table, "the tables of what has been measured")
    return made
