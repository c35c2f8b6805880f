"""The HTML report: one file with pictures and tables that opens anywhere, without neurofit and without a network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np

from neurofit.archive import Header
from neurofit.problem.problem import Problem
from neurofit.report.arrays import Results
from neurofit.report.goals import goals
from neurofit.report.numbers import duration, extent, number, percent, shown, with_unit
from neurofit.report.pictures import Material, Picture
from neurofit.report.style import png

_FRONT_ROWS = 200


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading; every cell is text already. `mark` (row, column) are cells that miss their target."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    mark: frozenset[tuple[int, int]] = frozenset()


def page(
    header: Header,
    material: Material,
    pictures: Sequence[Picture],
    seconds: Mapping[str, float],
    remarks: Sequence[str] = (),
) -> str:
    """The report as HTML text; `seconds` says where the run's time went [s], `remarks` what else there is to say."""
    results, chosen, problem = material.results, material.chosen, material.problem
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    tables = [_parameters(results, chosen, problem)]
    if problem is not None and chosen and problem.objectives:
        tables.append(_targets(problem, results, chosen))
    if results.rule_texts:
        tables.append(_rules(results))
    if results.objective_names:
        tables.append(_front(results))
    return environment.get_template("page.html.j2").render(
        name=results.name,
        facts=_facts(header, results, seconds),
        remarks=remarks,
        pictures=[
            {"name": p.name, "caption": p.caption, "data": base64.b64encode(png(p.figure)).decode()} for p in pictures
        ],
        tables=tables,
        versions=", ".join(f"{name} {version}" for name, version in header.versions),
        created=header.created,
        text=header.text,
    )


def _facts(header: Header, results: Results, seconds: Mapping[str, float]) -> list[tuple[str, str]]:
    return [
        ("evaluations", str(len(results))),
        ("feasible", f"{int(results.feasible.sum())} ({percent(results.feasible.mean() if len(results) else 0.0)})"),
        ("first feasible", results.first_feasible or "none"),
        ("on the front", str(len(results.front))),
        *(_volume(header, results) if results.objective_names else ()),
        ("status", results.statuses),
        *((f"time: {name}", duration(spent)) for name, spent in seconds.items()),
    ]


def _volume(header: Header, results: Results) -> list[tuple[str, str]]:
    corner = ", ".join(f"{r:g}" for r in dict.fromkeys(header.reference))
    return [("hypervolume", number(results.hypervolume)), ("reference", with_unit(corner, "std"))]


def _parameters(results: Results, chosen: Sequence[tuple[str, int]], problem: Problem | None) -> Table:
    bounds = {} if problem is None else {p.name: extent(p) for p in problem.space.parameters}
    unordered = set() if problem is None else {p.name for p in problem.space.parameters if p.choices}
    rows = []
    for j, (name, unit) in enumerate(results.parameters):
        reach = _reach([results.given[r][j] for r in results.front], name in unordered)
        rows.append((name, unit, bounds.get(name, "–"), *(shown(results.given[r][j]) for _, r in chosen), reach))
    head = ("parameter", "unit", "bounds", *(label for label, _ in chosen), "on the front")
    return Table("Parameters", head, tuple(rows), "A solution is named by the number of its evaluation, from 0.")


def _reach(values: Sequence[float | str], unordered: bool) -> str:
    """What a parameter is on the front: from the least to the greatest, or each that there is."""
    numbers = [v for v in values if not isinstance(v, str)]
    if unordered or len(numbers) < len(values):
        return ", ".join(dict.fromkeys(shown(v) for v in values)) or "–"
    return f"{number(min(numbers))} to {number(max(numbers))}" if numbers else "–"


def _targets(problem: Problem, results: Results, chosen: Sequence[tuple[str, int]]) -> Table:
    rows, missed = [], set()
    for i, goal in enumerate(goals(problem)):
        values = [results.features[r, goal.column] for _, r in chosen]
        missed |= {(i, 4 + j) for j, v in enumerate(values) if not goal.miss(v) <= 1}
        rows.append((goal.objective, goal.feature.column, goal.text, goal.feature.unit, *(number(v) for v in values)))
    head = ("objective", "feature", "target", "unit", *(label for label, _ in chosen))
    return Table("Features against targets", head, tuple(rows), "Marked: more than one std away.", frozenset(missed))


def _rules(results: Results) -> Table:
    shares = results.rules.mean(axis=0) if len(results) else np.zeros(len(results.rule_texts))
    rows = tuple((name, text, percent(s)) for (name, text), s in zip(results.rule_texts, shares, strict=True))
    return Table("Rules", ("rule", "expression", "satisfied"), rows, "Of all evaluations; not run counts as not.")


def _front(results: Results) -> Table:
    front = results.front
    rows = tuple(
        (f"#{results.index[r]}", number(results.objectives[r].sum(), 3), *(number(s, 3) for s in results.objectives[r]))
        for r in front[:_FRONT_ROWS]
    )
    note = "Scores in std, 0 on target; the smallest sum first."
    if len(front) > _FRONT_ROWS:
        note += f" The first {_FRONT_ROWS} of {len(front)}."
    return Table("Front", ("solution", "sum", *results.objective_names), rows, note)
