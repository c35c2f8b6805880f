"""The tables of `neurofit show`, and what a fit prints at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from neurofit.report.arrays import Results
from neurofit.report.checked import plain
from neurofit.report.numbers import duration, number, percent, shown

_FRONT_ROWS = 12


def tables(
    results: Results, chosen: Sequence[tuple[str, int]], seconds: Mapping[str, float], ended: str
) -> Iterator[Table]:
    """A run in tables: facts (`seconds` [s] by part of the work), rules, the front, chosen solutions' parameters."""
    yield _facts(results, seconds, ended)
    if results.rule_texts and len(results):
        yield _rules(results)
    if chosen:
        if results.objective_names:
            yield _front(results)
        yield _parameters(results, chosen)


def _facts(results: Results, seconds: Mapping[str, float], ended: str) -> Table:
    table = plain(results.name, "", "")
    table.show_header = False
    n, feasible = len(results), int(results.feasible.sum())
    spent = ", ".join(f"{name} {duration(value)}" for name, value in seconds.items())
    rows = [
        ("evaluations", f"{n}" + (f" ({ended})" if ended else " (not finished: fit into the same directory goes on)")),
        ("status", results.statuses),
        (
            "feasible",
            f"{feasible} ({percent(feasible / max(n, 1))})"
            + (f", the first is {results.first_feasible}" if feasible else ""),
        ),
        ("front", f"{len(results.front)} solutions"),
        *(_volume(results) if results.objective_names else ()),
        ("seconds", spent),
    ]
    for name, text in rows:
        table.add_row(Text(name, style="dim"), Text(text))
    return table


def _volume(results: Results) -> list[tuple[str, str]]:
    return [("hypervolume", f"{results.hypervolume:.4f} of the box up to the reference")]


def _rules(results: Results) -> Table:
    table = plain("Rules", "rule", ">satisfied", "expression")
    for (name, text), share in zip(results.rule_texts, results.rules.mean(axis=0), strict=True):
        table.add_row(Text(name), percent(float(share)), Text(text))
    return table


def _front(results: Results) -> Table:
    front = results.front
    title = "Front, scores in std" + (f" (first {_FRONT_ROWS} of {len(front)})" if len(front) > _FRONT_ROWS else "")
    table = plain(title, "solution", ">sum", *(f">{name}" for name in results.objective_names))
    for row in front[:_FRONT_ROWS]:
        scores = results.objectives[row]
        table.add_row(f"#{results.index[row]}", number(scores.sum(), 3), *(number(s, 3) for s in scores))
    return table


def _parameters(results: Results, chosen: Sequence[tuple[str, int]]) -> Table:
    table = plain("Parameters", "name", "unit", *(f">{label}" for label, _ in chosen))
    for j, (name, unit) in enumerate(results.parameters):
        table.add_row(Text(name), Text(unit), *(shown(results.given[row][j]) for _, row in chosen))
    return table
