"""Markdown tables of results.json: medians over the seeds, and every seed's own numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.optimizers.cases import CASES, Case
from benchmarks.optimizers.configurations import ABLATIONS, CONFIGURATIONS, OPTIMIZERS, Configuration
from benchmarks.optimizers.reduction import Entry, Key

JOINT = "joint"
_SHARE = 0.9  # of the joint search's final score, which it is fair to ask for
_EARLY = 130
_ROUNDED = 5e-5  # scores are kept to four digits
_SEEDS = 5
_SHOWN = (JOINT, "joint-net", "botorch", "nsga2", "ibea", "random", "grid")  # in the short table
_HOW = """\
Written by `python benchmarks/optimizers table`, of results.json; what is measured, and how, is at the head of
`__init__.py`. Medians are over the seeds that there are. Evaluations include the 50 that all begin with. "foretold" is
the share of proposals foretold feasible and the share that came, "late feasible" that of proposals but scouts after the
first hundred, "to all of it" the evaluations to the median of what the joint search ends at, "per 50" the mean over all
evaluations, training included."""


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one configuration on one problem, a seed each, in order."""

    case: Case
    configuration: Configuration
    entries: tuple[Entry, ...]

    @property
    def label(self) -> str:
        return self.configuration.label

    @property
    def score(self) -> str:
        return next(iter(self.entries[0]["ladder"]))

    def at(self, rung: int, score: str | None = None) -> list[float]:
        """Scores after `rung` evaluations, nan for runs that are not so long."""
        return [e["ladder"][score or self.score].get(str(rung), math.nan) for e in self.entries]

    def last(self, score: str | None = None) -> list[float]:
        """Final scores."""
        return [e["ladder"][score or self.score]["last"] for e in self.entries]

    def numbers(self, name: str) -> list[float]:
        """Counts of that name; infinite where a run never got there."""
        return [math.inf if e[name] is None else float(e[name]) for e in self.entries]

    def reaching(self, score: float) -> list[float]:
        """Evaluations to a score of so much (to 0.002); infinite where a run never got there."""
        enough = score - _ROUNDED
        return [next((float(n) for n, value in e["curve"] if value >= enough), math.inf) for e in self.entries]

    @property
    def longest(self) -> int:
        return max(e["evaluations"] for e in self.entries)

    def pooled(self, name: str) -> list[float] | None:
        """The sum over seeds of a list of counts; None where a run lacks it."""
        rows = [e.get(name) for e in self.entries]
        return None if any(row is None for row in rows) else np.sum(np.array(rows, float), axis=0).tolist()


def groups(entries: Mapping[Key, Entry]) -> list[Group]:
    """In the order of problems and configurations."""
    made = []
    for case in CASES.values():
        for configuration in CONFIGURATIONS.values():
            mine = [e for k, e in sorted(entries.items()) if k[:2] == (case.name, configuration.label)]
            if mine:
                made.append(Group(case, configuration, tuple(mine)))
    return made


def text(entries: Mapping[Key, Entry]) -> str:
    """All tables, with the command that makes them."""
    every = groups(entries)
    compared = [g for g in every if g.configuration in OPTIMIZERS and not g.case.unseen]
    ablated = [g for g in every if g.configuration in ABLATIONS and g.case.unseen]
    parts = [
        "# The optimizers, run by run",
        _HOW,
        "## In short",
        short(entries),
        "## Optimizers, medians over the seeds",
        _medians(compared),
        "## The joint search with parts left out, medians over the seeds",
        _medians(ablated),
        "## Every seed",
        _seeds(compared + ablated),
        *_warnings(entries),
    ]
    return "\n\n".join(parts) + "\n"


def short(entries: Mapping[Key, Entry]) -> str:
    """The two tables that the README has: evaluations needed, and what parts of the joint search are worth."""
    every = groups(entries)
    return "\n\n".join([_needed([g for g in every if not g.case.unseen]), _worth([g for g in every if g.case.unseen])])


def _needed(found: Sequence[Group]) -> str:
    """Evaluations to a share, and to all, of what the joint search ends at: a row a problem, a column an optimizer."""
    others = [c.label for c in OPTIMIZERS if any(g.label == c.label for g in found) and c.label in _SHOWN]
    rows = []
    for case in dict.fromkeys(g.case for g in found):
        mine = {g.label: g for g in found if g.case is case}
        if JOINT not in mine:
            continue
        goal = _median(mine[JOINT].last())
        needed = [_pair(mine[label], goal) if label in mine else "" for label in others]
        rows.append([case.title, f"{_number(goal)} at {mine[JOINT].longest}", *needed])
    return _markdown(["problem", "joint ends at", *others], rows)


def _pair(g: Group, goal: float) -> str:
    """Evaluations to a share of `goal`, and to all of it; how many seeds, where they are not all."""
    part, whole = (_median(g.reaching(share * goal)) for share in (_SHARE, 1.0))
    shown = [_needs(n, g.longest) for n in ((part, whole) if math.isfinite(part) else (part,))]
    fewer = f" ({n} seed{'s' * (n > 1)})" if (n := len(g.entries)) < _SEEDS else ""
    return ", ".join(shown) + fewer


def _worth(found: Sequence[Group]) -> str:
    """Final scores: a row a configuration, a column a problem."""
    cases = list(dict.fromkeys(g.case for g in found))
    rows = []
    for configuration in ABLATIONS:
        mine = {g.case: g for g in found if g.configuration is configuration}
        if mine:
            rows.append([configuration.label, *(_scores(mine[c]) if c in mine else "" for c in cases)])
    return _markdown(["search", *(c.title for c in cases)], rows)


def _scores(g: Group) -> str:
    return f"{_number(_median(g.at(_EARLY)))}, {_number(_median(g.last()))}"


def _medians(found: Sequence[Group]) -> str:
    """A table with a row for each problem and configuration."""
    head = [
        "problem", "optimizer", "seeds", "first feasible", f"score at {_EARLY}", "230", "last", "at",
        f"evaluations to {_SHARE:g} of joint's", "to all of it", "times joint", "recovered at", "late feasible",
        "foretold", "optimizer CPU s per 50",
    ]  # fmt: skip
    return _markdown(head, [_median_row(g, _joint(found, g)) for g in found])


def _joint(found: Sequence[Group], group: Group) -> Group | None:
    return next((g for g in found if g.case is group.case and g.label == JOINT), None)


def _median_row(g: Group, joint: Group | None) -> list[str]:
    extra = "" if len(g.case.scales) < 2 else f" (tight {_number(_median(g.last('tight')))})"
    most, whole, ratio = "", "", ""
    if joint is not None:
        goal = _median(joint.last())
        mine, theirs = g.reaching(_SHARE * goal), joint.reaching(_SHARE * goal)
        most, whole = (_reached(r, g.longest) for r in (mine, g.reaching(goal)))
        ratio = "" if g is joint else _ratio(mine, _median(theirs), g.longest)
    late, foretold = g.pooled("late"), g.pooled("foretold")
    cpu = [50 * e["cpu"][2] for e in g.entries if "cpu" in e]
    return [
        g.case.title,
        g.label,
        str(len(g.entries)),
        _count(_median(g.numbers("first_feasible"))),
        _number(_median(g.at(_EARLY))),
        _number(_median(g.at(230))),
        _number(_median(g.last())) + extra,
        str(g.longest),
        most,
        whole,
        ratio,
        _count(_median(g.numbers("recovered_at"))) if g.case.recovers else "",
        f"{late[0] / late[1]:.0%}" if late and late[1] else "",
        f"{foretold[2] / foretold[1]:.2f} / {foretold[0] / foretold[1]:.2f}" if foretold and foretold[1] else "",
        f"{_median(cpu):.2g}" if cpu else "",
    ]


def _seeds(found: Sequence[Group]) -> str:
    """A table of single runs: the seeds' values side by side."""
    head = [
        "problem", "optimizer", "first feasible", f"score at {_EARLY}", "230", "600", "last", "tight at 230",
        "tight, last", f"evaluations to {_SHARE:g} of joint's", "recovered at", "late feasible", "dearest ask, CPU s",
    ]  # fmt: skip
    return _markdown(head, [_seed_row(g, _joint(found, g)) for g in found])


def _seed_row(g: Group, joint: Group | None) -> list[str]:
    two = len(g.case.scales) > 1
    reach = [] if joint is None else g.reaching(_SHARE * _median(joint.last()))
    return [
        g.case.title,
        g.label,
        _list(g.numbers("first_feasible"), _count),
        _list(g.at(_EARLY), _number),
        _list(g.at(230), _number),
        _list(g.at(600), _number),
        _list(g.last(), _number),
        _list(g.at(230, "tight"), _number) if two else "",
        _list(g.last("tight"), _number) if two else "",
        _list(reach, _count),
        _list(g.numbers("recovered_at"), _count) if g.case.recovers else "",
        _list([e["late"][0] / e["late"][1] if e["late"][1] else math.nan for e in g.entries], lambda v: f"{v:.0%}"),
        _list([e["cpu"][1] if "cpu" in e else math.nan for e in g.entries], lambda v: f"{v:.2g}"),
    ]


def _warnings(entries: Mapping[Key, Entry]) -> list[str]:
    """What makes a comparison unfair, in words."""
    starts: dict[tuple[str, int], set[str]] = {}
    for (problem, label, seed), entry in entries.items():
        if CONFIGURATIONS[label].alone:
            continue
        starts.setdefault((problem, seed), set()).add(entry["start"])
    unequal = [f"{problem} with seed {seed}" for (problem, seed), found in sorted(starts.items()) if len(found) > 1]
    return [f"**Not equal in their first 50 candidates:** {', '.join(unequal)}."] if unequal else []


def _median(values: Sequence[float]) -> float:
    """nan where there is none; the worse of the middle two where they are a number and infinity."""
    return float(np.median(values)) if len(values) else math.nan


def _reached(values: Sequence[float], longest: int) -> str:
    """The median, and how many got there where not all did."""
    got = sum(map(math.isfinite, values))
    shown = _needs(_median(values), longest)
    return shown if got == len(values) else f"{shown} ({got} of {len(values)})"


def _needs(evaluations: float, longest: int) -> str:
    return _count(evaluations) if math.isfinite(evaluations) else f"> {longest}"


def _ratio(mine: Sequence[float], joint: float, longest: int) -> str:
    middle = _median(mine)
    if not math.isfinite(joint):
        return ""
    return f"{middle / joint:.1f}" if math.isfinite(middle) else f"> {longest / joint:.1f}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}".removeprefix("0") if value else "0"


def _count(value: float) -> str:
    return "" if math.isnan(value) else "never" if math.isinf(value) else f"{value:g}"


def _list(values: Iterable[float], show: Callable[[float], str]) -> str:
    shown = ["-" if math.isnan(v) else show(v) for v in values]
    return " ".join(shown) if set(shown) - {"-"} else ""


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without the columns that are empty in all rows; a sentence where there is no row."""
    if not rows:
        return "No run yet."
    used = [j for j in range(len(head)) if any(row[j] for row in rows)]
    lines = [[head[j] for j in used], ["---"] * len(used), *([row[j] for j in used] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
