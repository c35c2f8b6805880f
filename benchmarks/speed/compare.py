"""Rounds in which each side takes its turn, and what follows of them: ratios, and whether the scores are equal.

How equal: with the same step (0.025 ms, no secondorder) on both sides, distances agree to SAME, which is rounding: the
set-ups are the same, cell, stimuli, features and all. What is left between the sides as they are timed is the error of
their integrators. CVODE at its atol of 1e-3 and neurofit's step of 0.05 ms, second order, differ by a few hundredths of
a std; but eFEL reads times on a grid of 0.1 ms, so that a spike's time, or the width, is off by a grid step where it is
near the middle between two, and a spike more or less comes at the end of a step: half a std each by the stds in cells/.
A step of 0.025 ms without second order makes rates half a hertz too high: in case (a) that is a median of 0.08 std
off a fine step. Hence MOST for any distance, TYPICAL for the median; `fine` says what each way is off from a step four
to eight times as fine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.speed.cases import Case
from benchmarks.speed.sides import Rival, one_core
from neurofit.errors import NeurofitError

SAME = 1e-6  # std
MOST, TYPICAL = 1.0, 0.15  # std
TIMED = ("neurofit", "cvode", "fixed")
CHECKED = 2  # candidates of the two sides that are not timed


def compare(case: Case, rounds: int, batch: int, peers: int) -> dict[str, Any]:
    """The case's entry of results.json. Raises NeurofitError where scores are not equal."""
    candidates = case.candidates(case.problem(), rounds, batch)
    fine, same = _checks(case, candidates[0, :CHECKED])
    seconds = {side: np.zeros(rounds) for side in TIMED}
    scores: dict[str, list[np.ndarray]] = {side: [] for side in TIMED}
    with ExitStack() as stack:
        rivals = {side: stack.enter_context(Rival(case, side, one_core())) for side in TIMED}
        rivals["neurofit"].turn(candidates[0])  # what is done once is not counted
        for side in TIMED[1:]:
            rivals[side].turn(candidates[0, :1])
        for r in range(rounds):
            for side in TIMED[r % 3 :] + TIMED[: r % 3]:
                chosen = candidates[r] if side == "neurofit" else candidates[r, :peers]
                turn = rivals[side].turn(chosen)
                seconds[side][r] = turn.seconds / len(chosen)
                scores[side].append(turn.scores[:peers])
            told = ", ".join(f"{side} {seconds[side][r]:.4g}" for side in TIMED)
            print(f"({case.name}) round {r + 1} of {rounds}, user CPU s a candidate: {told}", flush=True)
    together = {side: np.concatenate(each) for side, each in scores.items()}
    unequal = {side: _difference(together["neurofit"], together[side]) for side in TIMED[1:]}
    n = min(peers, len(fine))  # both begin with the first round's
    return {
        "title": case.title,
        "candidates": {"neurofit": rounds * batch, "bluepyopt": rounds * peers},
        "seconds": {side: [round(float(s), 6) for s in each] for side, each in seconds.items()},
        "ratios": {side: _spread(seconds[side] / seconds["neurofit"]) for side in TIMED[1:]},
        "difference": {"same step": float(same)} | unequal,
        "off the fine step": {side: _difference(fine[:n], together[side][:n]) for side in TIMED},
    }


def wrong(entry: Mapping[str, Any]) -> list[str]:
    """What is not equal, in words; nothing where all is."""
    difference = entry["difference"]
    found = []
    if not difference["same step"] <= SAME:
        found.append(f"the set-ups differ: {difference['same step']:.3g} std at the same step")
    for side in TIMED[1:]:
        if not (difference[side]["most"] <= MOST and difference[side]["median"] <= TYPICAL):
            found.append(f"scores differ between neurofit and {side}: {difference[side]} std")
    return found


def _checks(case: Case, X: np.ndarray) -> tuple[np.ndarray, float]:
    """Distances of X (n, d) at a fine step, and the greatest difference where both sides have the same step."""
    found = {}
    for side in ("fine", "same", "fixed"):
        with Rival(case, side, one_core()) as rival:
            found[side] = rival.turn(X).scores
    return found["fine"], float(np.abs(found["same"] - found["fixed"]).max())


def _difference(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """How far distances differ [std]."""
    off = np.abs(ours - theirs)
    return {"median": round(float(np.median(off)), 5), "most": round(float(off.max()), 4)}


def _spread(ratios: Sequence[float] | np.ndarray) -> list[float]:
    """[median, least, greatest]"""
    return [round(float(f(ratios)), 2) for f in (np.median, np.min, np.max)]


def checked(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry itself; NeurofitError where its scores are not equal."""
    if found := wrong(entry):
        raise NeurofitError("; ".join(found))
    return entry
