"""The picture of sensitivities: which parameter drives which feature and which rule, up or down, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
_LEAST = 0.1  # of a rule's probability: smaller changes over a whole range are pale
_MIXED = 0.5  # |mean gradient| below this share of the mean |gradient| has no direction to speak of


@styled
def sensitivity_figure(found: Sensitivity, name: str) -> Figure:
    """Heat maps parameter by feature, in sd of the feature a range of the parameter, and parameter by rule, in
    probability; red rises with the parameter, blue falls.

    Cells have value ± spread while they are few, ↕ where the direction changes from place to place; of many, those
    whose spread is over half their value have a dot. A feature has its R2 beside it. Features that are not trusted come
    after those that are, faded and hatched; last, with a grey cross, what the surrogate learned nothing of.
    """
    d, m, r = len(found.parameters), len(found.features), len(found.rules)
    written = d * (m + r) <= _WRITTEN_UP_TO
    names = [shortened(n, 20) for n in found.parameters]
    below = 0.6 if written else 0.3 + 0.08 * max(map(len, names), default=0)  # [inch] of the names, upright or not
    height = 1.2 + 0.35 * ((m > 0) + (r > 0)) + below + (0.42 if written else 0.24) * (m + r)
    made = figure(3.2 + max((1.15 if written else 0.3) * d, 3.0), height)
    parts = [part for part in _parts(found) if len(part.names)]
    if not parts:
        note(made.subplots(), "no features and no rules")
        return made
    panels = made.subplots(len(parts), 1, squeeze=False, height_ratios=[len(part.names) for part in parts])[:, 0]
    for panel, part in zip(panels, parts, strict=True):
        _heat(panel, part)
        panel.set_xticks(range(d), [])
        if written:
            _write(panel, part)
        else:
            rows, columns = np.nonzero(part.spread > _UNSURE * np.abs(part.values))
            colours = [_ink(part, int(r), int(c)) for r, c in zip(rows, columns, strict=True)]
            panel.scatter(columns, rows, marker=".", s=9, lw=0, c=colours, label="unsure")
    # Narrow columns leave no room for names side by side at a slant.
    panels[-1].set_xticks(range(d), names, rotation=30 if written else 90, ha="right" if written else "center")
    mark = "\n± is the surrogate's spread, not its error"
    if any("↕" in text.get_text() for panel in panels for text in panel.texts):
        mark += "\n↕: rises in some places, falls in others"
    if not written:
        mark = "\ndots: the surrogate's spread, which is not its error, is over half the value"
    if np.isfinite(found.feature_r2).any():
        mark += "\nR²: share of held-out variance foretold"
    if unsure := sum(int(part.doubtful.sum()) for part in parts):
        mark += f"\nhatched: {counted(unsure, 'feature')} of R² below a half, hardly known"
    if not all(np.isfinite(part.values).all() for part in parts):
        mark += "\n×: the same in all that was evaluated, or hardly ever there: nothing learned"
    headline(made, f"{name}: sensitivities", f"over {_PLACES[found.where]}, {counted(found.points, 'point')}{mark}")
    return made


@dataclass(frozen=True, slots=True)
class _Part:
    """A heat map: a name and R2 (nan: none) for each row (n,), and values with their signs, spreads and whether the
    direction changes (n, d). `doubtful` (n,) are rows that are hardly known; full colour is never less than `least`.
    """

    title: str
    names: Sequence[str]
    r2: np.ndarray
    values: np.ndarray
    spread: np.ndarray
    mixed: np.ndarray
    doubtful: np.ndarray
    least: float

    @property
    def limit(self) -> float:
        """The value of full colour, by what is known."""
        known = np.isfinite(self.values)
        known = known & ~self.doubtful[:, None] if (known & ~self.doubtful[:, None]).any() else known
        # One steep row, such as a count that jumps, would bleach all others.
        return max(float(np.quantile(np.abs(self.values[known]), 0.9)) if known.any() else 0.0, self.least) or 1.0


def _parts(found: Sensitivity) -> tuple[_Part, _Part]:
    """Features, what is known best first, and rules."""
    learned = np.isfinite(found.feature).any(axis=1)
    doubtful = learned & ~found.trusted
    order = np.argsort(np.where(learned, doubtful, 2), kind="stable")
    sign = found.feature_sign[order]
    features = _Part(
        "features [sd of each over the range]",
        [found.features[j] for j in order],
        found.feature_r2[order],
        found.feature[order] * np.where(sign < 0, -1.0, 1.0),
        found.feature_spread[order],
        np.abs(sign) < _MIXED,
        doubtful[order],
        0.0,
    )
    r = len(found.rules)
    none, never = np.full(r, np.nan), np.zeros(found.rule.shape, bool)
    rules = _Part(
        "rules [probability over the range]",
        found.rules,
        none,
        found.rule,
        found.rule_spread,
        never,
        np.zeros(r, bool),
        _LEAST,
    )
    return features, rules


def _heat(panel: Axes, part: _Part) -> None:
    values, n = part.values, len(part.names)
    image = panel.imshow(values, cmap="RdBu_r", vmin=-part.limit, vmax=part.limit, aspect="auto")
    rows, columns = np.nonzero(~np.isfinite(values))
    panel.set_facecolor(PALE)
    panel.scatter(columns, rows, marker="x", s=18, lw=0.8, color=GREY)
    for row in np.flatnonzero(part.doubtful):
        ends = row - 0.5, row + 0.5
        panel.axhspan(*ends, facecolor="white", edgecolor=GREY, alpha=0.72, hatch="////", hatch_linewidth=0.4, lw=0)
    rates = [f"  R² {max(r2, 0):.2f}" if np.isfinite(r2) else "" for r2 in part.r2]
    panel.set_yticks(range(n), [shortened(name) + rate for name, rate in zip(part.names, rates, strict=True)])
    for label, doubtful in zip(panel.get_yticklabels(), part.doubtful, strict=True):
        label.set_color(GREY if doubtful else BLACK)
    # Above, as a panel of one row is too low for it beside its colours.
    panel.set_title(part.title, fontsize=9, fontweight="normal", color=BLACK)
    figure_of = panel.get_figure()
    assert figure_of is not None
    ticks = MaxNLocator(2 if n < _FEW else 8)
    figure_of.colorbar(image, ax=panel, extend="both", pad=0.02, aspect=12, ticks=ticks)


def _write(panel: Axes, part: _Part) -> None:
    for (row, column), value in np.ndenumerate(part.values):
        if np.isfinite(value):
            size = _short(abs(value))
            text = f"{size} ↕" if part.mixed[row, column] else f"{'+' if value >= 0 else '−'}{size}"
            text = size if size == _short(0) else text  # nothing has no direction
            text += f" ± {_short(float(part.spread[row, column]))}"
            panel.text(column, row, text, ha="center", va="center", fontsize=7, color=_ink(part, row, column))


def _ink(part: _Part, row: int, column: int) -> str:
    """A colour that can be read on a cell."""
    return "white" if abs(part.values[row, column]) > 0.65 * part.limit and not part.doubtful[row] else BLACK


def _short(value: float) -> str:
    """Two digits or so."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
