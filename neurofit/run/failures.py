"""Says of evaluations that failed how many and what the first of them died of, and what none of them had a value of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from neurofit.errors import NeurofitError
from neurofit.problem.evaluation import UNDEFINED, VALUE, Evaluation


def failures(evaluations: Sequence[Evaluation]) -> str:
    """A sentence on those that were not simulated to their end; "" where all were."""
    failed = [e for e in evaluations if e.status != "ok"]
    if not failed:
        return ""
    which = ", ".join(f"{status} {count}" for status, count in Counter(e.status for e in failed).most_common())
    many = "All" if len(failed) == len(evaluations) else f"{len(failed)} of {len(evaluations)}"
    first = failed[0]
    return f"{many} evaluations failed ({which}); the first, #{first.index}: {first.reason}"


def unheard_of(evaluations: Sequence[Evaluation], columns: Sequence[str]) -> str:
    """A sentence on the features (m,) that no evaluation has a value of, named by `columns`; "" without any."""
    ran = [e.states for e in evaluations if e.status == "ok"]
    if not ran:
        return ""
    states = np.stack(ran)
    never = (states == UNDEFINED).any(axis=0) & ~(states == VALUE).any(axis=0)
    names = ", ".join(name for name, found in zip(columns, never, strict=True) if found)
    return f"No evaluation has a value of {names}: nothing is feasible without one" if names else ""


def all_failed(evaluations: Sequence[Evaluation]) -> bool:
    """Whether there are evaluations, and none was simulated to its end."""
    return bool(evaluations) and all(e.status != "ok" for e in evaluations)


def check_some_worked(evaluations: Sequence[Evaluation]) -> None:
    """Raises NeurofitError, with what the first died of, where every evaluation failed."""
    if all_failed(evaluations):
        raise NeurofitError(f"{failures(evaluations)}. See what `neurofit check` says.")
