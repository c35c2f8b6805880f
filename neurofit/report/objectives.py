"""Pictures of scores: how far chosen solutions are from each target, and how often each rule holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from neurofit.report.arrays import Results
from neurofit.report.style import FEASIBLE, GREY, SOLUTIONS, bend, far, figure, headline, note, shortened, styled


@styled
def objectives_figure(results: Results, chosen: Sequence[tuple[str, int]]) -> Figure:
    """A group of bars for each objective, a bar for each chosen solution [std], with one std marked."""
    names = results.objective_names
    count = max(1, len(chosen))
    made = figure(6.8, 0.42 * len(names) * (0.55 + 0.45 * count) + 1.7)
    panel = made.subplots()
    height = 0.8 / count
    for j, (label, row) in enumerate(chosen):
        places = np.arange(len(names)) + (j - (count - 1) / 2) * height
        scores = results.objectives[row]
        panel.barh(places, scores, height=0.9 * height, color=SOLUTIONS[j % len(SOLUTIONS)], label=label)
        for place, score in zip(places, scores, strict=True):
            text = "undefined" if np.isnan(score) else f"{score:.2f}"
            panel.annotate(
                text,
                (np.nan_to_num(score), place),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 0.4},  # over the line at one std
            )
    panel.axvline(1, color=GREY, lw=1, ls="--")
    panel.set_yticks(np.arange(len(names)), [shortened(n) for n in names])
    panel.invert_yaxis()
    top = max(1.0, panel.get_xlim()[1]) * 1.08
    panel.set_xlabel("distance to target [std]")
    if far(top):
        bend(panel, "x")
        top *= 1.5  # room for the numbers
    panel.set_xlim(0, top)
    panel.grid(True, axis="x")
    if chosen:
        made.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    else:
        note(panel, "no feasible evaluation yet")
    headline(made, f"{results.name}: objectives", "0 is on target; the dashed line is one std away")
    return made


@styled
def rules_figure(results: Results) -> Figure | None:
    """The share of all evaluations that satisfy each rule, and all of them; None where there are no rules."""
    if not results.rule_texts or not len(results):
        return None
    names = [shortened(n) for n, _ in results.rule_texts] + ["feasible"]
    shares = 100 * np.append(results.rules.mean(axis=0), results.feasible.mean())
    made = figure(6.8, 0.34 * len(names) + 1.4)
    panel = made.subplots()
    panel.barh(np.arange(len(names)), shares, color=[GREY] * (len(names) - 1) + [FEASIBLE], height=0.7)
    for place, share in enumerate(shares):
        panel.annotate(
            f"{share:.0f}", (share, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8
        )
    panel.set_yticks(np.arange(len(names)), names)
    panel.invert_yaxis()
    panel.set_xlim(0, 108)
    panel.set_xticks(np.arange(0, 101, 20))
    panel.set_xlabel("evaluations that satisfy it [%] (not run counts as not)")
    panel.grid(True, axis="x")
    headline(made, f"{results.name}: rules")
    return made
