"""The tables of `neurofit check`: what each parameter, feature, objective and rule is, and what trying out gave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.table import Table
from rich.text import Text

from neurofit.check import Trial
from neurofit.evaluate.finer import NO_STEP, stepless
from neurofit.problem.evaluation import NOT_RUN, TRUE, UNDEFINED, UNKNOWN
from neurofit.problem.model import Assignment, FunctionModel
from neurofit.problem.network import EVERYONE, NetworkTemplate
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import HoldingSearch, Protocol
from neurofit.report.goals import goals
from neurofit.report.numbers import duration, extent, number, percent, shown, with_unit
from neurofit.run.confirmation import changes

_WHERE = 60  # characters of an expression
_COARSE = 0.02  # of itself: a feature that the time step changes by more


def plain(title: str, *columns: str) -> Table:
    """A table in neurofit's look; columns that begin with ">" are flush right."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), header_style="dim"
    )
    for name in columns:
        table.add_column(
            Text(name.removeprefix(">")), justify="right" if name.startswith(">") else "left", overflow="fold"
        )
    return table


def tables(problem: Problem, trial: Trial) -> Iterator[Table]:
    """All of them, in the order of the file."""
    yield _parameters(problem, trial)
    if problem.fixed:
        yield _fixed(problem)
    if problem.protocols or problem.searches:
        yield _protocols(problem)
    yield _features(problem, trial)
    if problem.objectives:
        yield _objectives(problem, trial)
    if problem.rules:
        yield _rules(problem, trial)


def estimate(problem: Problem, trial: Trial) -> str:
    """How long a fit takes, and what that is reckoned from."""
    fit = problem.fit
    measured = f"{duration(trial.alone)} for one evaluation alone"
    if trial.sampled > 1:
        measured += f", {duration(trial.each)} each for {trial.sampled} of a fit's first candidates together"
    plural = "s" if trial.workers != 1 else ""
    return (
        f"A fit of {fit.budget} evaluations with {fit.optimizer} on {trial.workers} worker{plural} simulates for about "
        f"{duration(trial.total)} here ({measured}); {_thought(problem, trial)}"
    )


def _thought(problem: Problem, trial: Trial) -> str:
    """The end of a sentence on what the optimizer takes beside the simulations."""
    if not trial.ask:
        return "what the optimizer itself takes comes on top."
    over = "while others simulate" if problem.fit.lag else "on top"
    return (
        f"the optimizer itself thinks for about {duration(trial.asks * trial.ask)} {over} ({trial.asks} times at most; "
        f"{duration(trial.ask)} where it knows those {trial.sampled}, longer the more it knows)."
    )


def simulation(problem: Problem, trial: Trial) -> str:
    """Which engine simulates, and whether the time step will do; "" for models without either."""
    said = []
    if trial.settled is not None:
        by = trial.settled
        said.append(f"Simulated by {by.engine}, {by.copies} copies at a time ({by.why}).")
        if by.slow:
            said.append(f"Slow to read, beside the median feature: {by.slow}.")
    if trial.dear:
        said.append(f"A quarter of the time step has not been tried: it would take about {duration(trial.dear)}.")
    elif isinstance(problem.model, NetworkTemplate):
        said += _network_step(problem, trial)
    elif trial.coarse is not None:
        share, column = trial.coarse
        name = problem.features[column].column
        said.append(f"A quarter of the time step changes no feature by more than {percent(share)} of itself ({name}).")
        if share > _COARSE:
            said.append(
                "That is much: the cell is stiff or irregular there. Look at the trace, or give the file a finer step: "
                "conditions: {dt: 0.0125 ms}."
            )
    return " ".join(said)


def _network_step(problem: Problem, trial: Trial) -> list[str]:
    """Sentences on the time step of a network, whose objectives say whether a change matters: it is never without."""
    if stepless(problem):
        return [f"Nothing is confirmed at a finer step: {NO_STEP}."]
    if trial.finer is None or trial.finer.status != "ok" or trial.evaluation.status != "ok":
        return []
    pair = (trial.evaluation, trial.finer)
    changed = changes([pair], [o.name for o in problem.objectives], problem.columns)
    said = [f"At a quarter of the time step {changed}."] if changed else []
    apart = np.abs(pair[1].objectives - pair[0].objectives)
    if (apart > 1.0).any():
        said.append(
            "That is more than a standard deviation: the network tells its steps apart, or each run of it is another. "
            "A longer window makes rates steadier; conditions: {dt: ...} of the file sets a finer step."
        )
    return said


def _parameters(problem: Problem, trial: Trial) -> Table:
    table = plain("Free parameters", "name", ">low", ">high", "unit", "scale", ">tried", "goes to")
    for parameter, x in zip(problem.space.parameters, trial.evaluation.x, strict=True):
        scale = parameter.scale + (", integer" if parameter.kind == "integer" else "")
        if parameter.kind == "categorical":
            low, high, scale = "", "", f"one of {extent(parameter)}"
        else:
            low, high = number(parameter.low), number(parameter.high)
        row = (low, high, parameter.unit, scale, shown(parameter.given(x)), _goes_to(problem, parameter.name))
        table.add_row(*(Text(cell) for cell in (parameter.name, *row)))
    return table


def _fixed(problem: Problem) -> Table:
    table = plain("Fixed parameters", "name", ">value", "unit", "goes to")
    units = {p.name: p.unit for p in problem.model.parameters} if not isinstance(problem.model, FunctionModel) else {}
    for name, value in problem.fixed:
        table.add_row(Text(name), number(value), Text(units.get(name, "")), Text(_goes_to(problem, name)))
    return table


def _goes_to(problem: Problem, name: str) -> str:
    if isinstance(problem.model, FunctionModel):
        return f"{problem.model.function}()"
    sets = next((p.sets for p in problem.model.parameters if p.name == name), ())
    return ", ".join(_assignment(a) for a in sets) or "expressions of others"


def _assignment(assignment: Assignment) -> str:
    place = f"{assignment.where}.{assignment.variable}"
    if assignment.expression is None:
        return place
    text = assignment.expression.text
    return f"{place} = {text if len(text) <= _WHERE else text[: _WHERE - 1] + '…'}"


def _protocols(problem: Problem) -> Table:
    table = plain("Protocols", "name", "what", ">sweeps", ">each lasts", "records", "needs")
    for search in problem.searches:
        holding = isinstance(search, HoldingSearch)
        what = f"holding current for {number(search.target)} mV" if holding else "rheobase"
        table.add_row(Text(search.name), what, "", "", Text(str(search.at)), Text(", ".join(search.needs)))
    for protocol in problem.protocols:
        table.add_row(*(Text(cell) for cell in _protocol(protocol)))
    return table


def _protocol(protocol: Protocol) -> tuple[str, ...]:
    kinds = dict.fromkeys(type(s).__name__ for sweep in protocol.sweeps for s in sweep.stimuli)
    lengths = [sweep.duration for sweep in protocol.sweeps]
    longest = (
        f"{number(max(lengths))} ms"
        if min(lengths) == max(lengths)
        else f"{number(min(lengths))} to {number(max(lengths))} ms"
    )
    labels = f" ({protocol.sweeps[0].label} … {protocol.sweeps[-1].label})" if protocol.family else ""
    spikes = [r.name for r in protocol.recordings if r.variable == "spikes" and r.name != EVERYONE]
    records = (
        f"spikes of {', '.join(spikes)}" if spikes else ", ".join(f"{r.name} at {r.at}" for r in protocol.recordings)
    )
    changes = [f"{c.parameter} = {number(c.value)}" for c in protocol.sweeps[0].changes]
    what = " + ".join([*kinds, *changes]) + labels
    return protocol.name, what, str(len(protocol.sweeps)), longest, records, ", ".join(protocol.needs)


def _features(problem: Problem, trial: Trial) -> Table:
    table = plain("Features", "column", ">value", "unit", "window", "read by")
    evaluation = trial.evaluation
    readers: dict[int, list[str]] = {}
    read = [(o.name, o.columns) for o in problem.objectives] + [(r.name, r.expression.columns) for r in problem.rules]
    for name, columns in read:
        for column in dict.fromkeys(columns):
            readers.setdefault(column, []).append(name)
    for j, feature in enumerate(problem.features):
        state = {UNDEFINED: "undefined", NOT_RUN: "not run"}.get(int(evaluation.states[j]))
        window = f"{feature.window[0]:g} to {feature.window[1]:g} ms" if feature.window else ""
        value = Text(state, style="yellow") if state else Text(number(evaluation.features[j]))
        table.add_row(Text(feature.column), value, Text(feature.unit), window, Text(", ".join(readers.get(j, []))))
    return table


def _objectives(problem: Problem, trial: Trial) -> Table:
    table = plain("Objectives", "name", "feature", "target", "combined", ">weight", ">score [std]")
    wanted = goals(problem)
    for objective, score in zip(problem.objectives, trial.evaluation.objectives, strict=True):
        mine = [g for g in wanted if g.objective == objective.name]
        combine = objective.combine if len(mine) > 1 else ""
        for k, goal in enumerate(mine):
            first = (objective.name, combine, number(objective.weight), number(score)) if k == 0 else ("", "", "", "")
            target = with_unit(goal.text, goal.feature.unit)
            cells = (first[0], goal.feature.column, target, first[1], first[2], first[3])
            table.add_row(*(Text(cell) for cell in cells))
    return table


def _rules(problem: Problem, trial: Trial) -> Table:
    table = plain("Rules", "name", "expression", "verdict", ">margin")
    evaluation = trial.evaluation
    for rule, verdict, margin in zip(problem.rules, evaluation.rules, evaluation.margins, strict=True):
        words = {TRUE: ("true", "green"), UNKNOWN: ("not run", "yellow")}.get(int(verdict), ("false", "red"))
        shown = number(margin) if np.isfinite(margin) else "none" if rule.margin else "hidden"
        table.add_row(Text(rule.name), Text(rule.text), Text(words[0], style=words[1]), shown)
    return table


def _late(problem: Problem) -> str:
    """What to do where an evaluation takes too long, as the end of a sentence."""
    lengths = {p.name: sum(sweep.duration for sweep in p.sweeps) for p in problem.protocols}
    longest = max(lengths, key=lambda name: lengths[name], default="")
    what = f", or shorten the protocols: {longest} simulates {number(lengths[longest])} ms" if longest else ""
    return f", which is `fit: {{timeout: ...}}`; a fit would end each such candidate so. Give it more time{what}."


def summary(problem: Problem, trial: Trial) -> str:
    """Whether the point that was tried is feasible, in a sentence."""
    evaluation = trial.evaluation
    if evaluation.status != "ok":
        said = f"The point that was tried ended with status {evaluation.status}: {evaluation.reason}"
        return said + (_late(problem) if evaluation.status == "timeout" else "")
    if evaluation.feasible:
        return "The point that was tried is feasible."
    held = percent(float((evaluation.rules == TRUE).mean())) if len(evaluation.rules) else "100 %"
    missing = ", ".join(problem.columns[j] for j in np.flatnonzero(evaluation.states == UNDEFINED))
    why = f"{held} of the rules hold{f'; there is no value of {missing}' if missing else ''}"
    return f"The point that was tried is not feasible ({why}). That is no error: a fit looks for more."
