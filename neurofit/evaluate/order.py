"""The order of protocols: the cheap ones first, so that a candidate that breaks a rule costs little."""

from __future__ import annotations

from collections.abc import Sequence

from neurofit.problem.protocol import HoldingSearch, Protocol, Search


def protocol_order(searches: Sequence[Search], protocols: Sequence[Protocol]) -> list[Search | Protocol]:
    """Protocols from cheap to dear (simulated ms x sweeps, with the searches they still need), each search just before
    its first use.

    A search that no protocol uses, but whose result is itself a feature, takes its place by its own cost.
    """
    by_name: dict[str, Search] = {s.name: s for s in searches}
    placed: list[Search | Protocol] = []

    def needed(step: Search | Protocol) -> list[Search]:
        """The searches that must run first and have not, in order."""
        chain: list[Search] = []
        for name in step.needs:
            if by_name[name] not in placed:
                chain += [s for s in (*needed(by_name[name]), by_name[name]) if s not in chain]
        return chain

    waiting: list[Search | Protocol] = [*protocols, *searches]
    while waiting:
        cheapest = min(waiting, key=lambda step: cost(step) + sum(cost(s) for s in needed(step)))
        placed += [*needed(cheapest), cheapest]
        waiting = [step for step in waiting if step not in placed]
    return placed


def cost(step: Search | Protocol) -> float:
    """About how many ms of simulated time it takes."""
    if isinstance(step, Protocol):
        return sum(sweep.duration for sweep in step.sweeps)
    if isinstance(step, HoldingSearch):
        return step.settle / 2  # a coarser time step
    return (step.delay + step.duration) * 8
