"""Several runs of one problem held against each other: their hypervolume curves in one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurofit.errors import ConfigError, NeurofitError, Words
from neurofit.problem.objective import Target
from neurofit.problem.problem import FitSettings
from neurofit.run.results import Run, open_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compare(runs: Sequence[Run | str | Path] | Run | str | Path) -> Figure:
    """The hypervolume curves of several runs of one problem (or of their directories), grouped by optimizer and
    what its search was given.

    Raises ConfigError where the runs differ in objectives, their targets, rules or reference, or where there are none.
    """
    from neurofit.report.seeds import Seed, seeds_figure  # matplotlib, which takes a while to load

    if isinstance(runs, str | Path | Run):
        runs = [runs]
    if not isinstance(runs, Iterable):
        raise ConfigError("runs", got=Words(repr(runs)), expected="runs, or the directories that fits wrote")
    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    if not opened:
        raise ConfigError("runs", expected="at least one run")
    scored = [_scored(run) for run in opened]
    for run, found in zip(opened[1:], scored[1:], strict=True):
        for what, value in found.items():
            expected = scored[0].get(what, value)
            if value != expected:
                raise ConfigError(
                    f"{what} of {run.directory}", got=value, expected=f"{expected}, as {opened[0].directory} has"
                )
    seeds = [Seed(_called(r.header.fit), r.header.fit.seed, r.convergence().to_numpy()) for r in opened]
    return seeds_figure(seeds, opened[0].header.name)


def _called(fit: FitSettings) -> str:
    """The optimizer, and in brackets the settings that make it another search."""
    special = [fit.surrogate] if fit.optimizer == "joint" and fit.surrogate != "auto" else []
    special += [f"without {part}" for part in fit.without]
    special += ["sensitive steps"] if fit.sensitive_steps else []
    special += ["warm"] if fit.warm_start else []
    return f"{fit.optimizer} ({', '.join(special)})" if special else fit.optimizer


def _scored(run: Run) -> dict[str, object]:
    """What two runs must share for their hypervolumes to be held against each other; targets where they are known."""
    h = run.header
    rules = Words("; ".join(f"{name}: {text}" for name, text in h.rules) or "no rules")
    found: dict[str, object] = {
        "objectives": Words(", ".join(h.objectives) or "no objectives"),
        "reference": h.reference,
        "rules": rules,
    }
    try:
        problem = run.problem
    except NeurofitError:
        return found
    for o in problem.objectives:
        targets = "; ".join(f"{problem.columns[t.column]} {_in_full(t)}" for t in o.targets)
        found[f"objective {o.name}"] = Words(f"{o.combine} of {targets}; weight {o.weight!r}")
    return found


def _in_full(target: Target) -> str:
    """A target with all of its digits."""
    wanted = f"{target.low!r}" if target.low == target.high else f"{target.low!r} to {target.high!r}"
    return f"{wanted} ± {target.std!r}"
