"""The picture of sensitivities: which parameter drives which feature and which rule, up or down, and how surely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neurofit.report.numbers import counted
from neurofit.report.style import BLACK, GREY, PALE, figure, headline, note, shortened, styled

if TYPE_CHECKING:
    from neurofit.surrogate.sensitivity import Sensitivity

_WRITTEN_UP_TO = 150  # cells; above, numbers would be too small to read
_PLACES = {"front": "the front as the search saw it", "feasible": "the feasible evaluations", "all": "the whole space"}
_UNSURE = 0.5  # spread, in shares of the value, from which a cell that is too small for numbers gets a dot
_FEW = 4  # rows that are too low for many numbers beside their colours
_MIXED = 0.5  # |mean gradient| below this share of the mean |gradient| has no direction to speak of


@styled
def sensitivity_figure(found: Sensitivity, name: str) -> Figure:
    """Heat maps parameter by feature, in sd of the feature a range of the parameter, and parameter by rule, in
    probability; red rises with the parameter, blue falls.

    Cells have value ± spread while they are few, ↕ where the direction changes from place to place; of many, those
    whose spread is over half their value have a dot. A grey cross is what the surrogate learned nothing of. A feature
    has its R2 beside it, grey where it is not trusted.
    """
    d, m, r = len(found.parameters), len(found.features), len(found.rules)
    written = d * (m + r) <= _WRITTEN_UP_TO
    names = [shortened(n, 20) for n in found.parameters]
    below = 0.6 if written else 0.3 + 0.08 * max(map(len, names), default=0)  # [inch] of the names, upright or not
    height = 1.2 + 0.35 * ((m > 0) + (r > 0)) + below + (0.42 if written else 0.24) * (m + r)
    made = figure(3.2 + max((1.15 if written else 0.3) * d, 3.0), height)
    direction = np.where(found.feature_sign < 0, -1.0, 1.0)
    parts = [
        (found.features, found.feature * direction, found.feature_spread, np.abs(found.feature_sign) < _MIXED, "sd"),
        (found.rules, found.rule, found.rule_spread, np.zeros(found.rule.shape, bool), "P"),
    ]
    parts = [part for part in parts if len(part[0])]
    if not parts:
        note(made.subplots(), "no features and no rules")
        return made
    panels = made.subplots(len(parts), 1, squeeze=False, height_ratios=[len(part[0]) for part in parts])[:, 0]
    for panel, (rows_of, values, spread, mixed, unit) in zip(panels, parts, strict=True):
        _heat(panel, values, unit)
        panel.set_yticks(range(len(rows_of)), [shortened(n) for n in rows_of])
        if unit == "sd":
            _rate(panel, found)
        panel.set_xticks(range(d), [])
        if written:
            _write(panel, values, spread, mixed)
        else:
            rows, columns = np.nonzero(spread > _UNSURE * np.abs(values))
            colours = [_ink(panel, values[cell]) for cell in zip(rows, columns, strict=True)]
            panel.scatter(columns, rows, marker=".", s=9, lw=0, c=colours, label="unsure")
    # Narrow columns leave no room for names side by side at a slant.
    panels[-1].set_xticks(range(d), names, rotation=30 if written else 90, ha="right" if written else "center")
    mark = "\n± is the surrogate's spread, not its error"
    if any("↕" in text.get_text() for panel in panels for text in panel.texts):
        mark += "\n↕: rises in some places, falls in others"
    if not written:
        mark = "\ndots: the surrogate's spread, which is not its error, is over half the value"
    if np.isfinite(found.feature_r2).any():
        mark += "\nR²: share of held-out variance foretold; grey: less than half"
    if not all(np.isfinite(part[1]).all() for part in parts):
        mark += "\n×: the same in all that was evaluated, or hardly ever there: nothing learned"
    headline(made, f"{name}: sensitivities", f"over {_PLACES[found.where]}, {counted(found.points, 'point')}{mark}")
    return made


def _rate(panel: Axes, found: Sensitivity) -> None:
    """Each row's R2 at its name."""
    known = np.isfinite(found.feature_r2)
    labels = [label.get_text() for label in panel.get_yticklabels()]
    rates = [f"  R² {max(r2, 0):.2f}" if k else "" for r2, k in zip(found.feature_r2, known, strict=True)]
    panel.set_yticks(range(len(labels)), [label + rate for label, rate in zip(labels, rates, strict=True)])
    for label, trusted in zip(panel.get_yticklabels(), found.trusted, strict=True):
        label.set_color(BLACK if trusted else GREY)


def _heat(panel: Axes, values: np.ndarray, unit: str) -> None:
    few = len(values) < _FEW
    known = np.isfinite(values)
    # One steep row, such as a count that jumps, would bleach all others.
    top = float(np.quantile(np.abs(values[known]), 0.9)) if known.any() else 0.0
    image = panel.imshow(values, cmap="RdBu_r", vmin=-(top or 1.0), vmax=top or 1.0, aspect="auto")
    rows, columns = np.nonzero(~known)
    panel.set_facecolor(PALE)
    panel.scatter(columns, rows, marker="x", s=18, lw=0.8, color=GREY)
    # Above, as a panel of one row is too low for it beside its colours.
    title = "features [sd of each over the range]" if unit == "sd" else "rules [probability over the range]"
    panel.set_title(title, fontsize=9, fontweight="normal", color=BLACK)
    figure_of = panel.get_figure()
    assert figure_of is not None
    figure_of.colorbar(image, ax=panel, extend="both", pad=0.02, aspect=12, ticks=MaxNLocator(2 if few else 8))


def _write(panel: Axes, values: np.ndarray, spread: np.ndarray, mixed: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            size = _short(abs(value))
            text = f"{size} ↕" if mixed[row, column] else f"{'+' if value >= 0 else '−'}{size}"
            text = size if size == _short(0) else text  # nothing has no direction
            text += f" ± {_short(float(spread[row, column]))}"
            panel.text(column, row, text, ha="center", va="center", fontsize=7, color=_ink(panel, value))


def _ink(panel: Axes, value: float) -> str:
    """A colour that can be read on a cell of this value."""
    _, limit = panel.images[0].get_clim()
    return "white" if abs(value) > 0.65 * (limit or 1.0) else BLACK


def _short(value: float) -> str:
    """Two digits or so."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
