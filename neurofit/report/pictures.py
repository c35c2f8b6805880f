"""All pictures of a run, in the order in which a modeller asks: what came out, how it got there, what solutions do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from neurofit.config.schema.base import did_you_mean
from neurofit.errors import ConfigError, NeurofitError
from neurofit.problem.model import CellTemplate
from neurofit.problem.network import NetworkTemplate
from neurofit.problem.problem import Problem
from neurofit.problem.spikes import Spikes
from neurofit.report.arrays import Results
from neurofit.report.convergence import convergence_figure
from neurofit.report.curves import curves_figure
from neurofit.report.foretold import foretold_figure
from neurofit.report.front import front_figure, pairs_figure
from neurofit.report.objectives import objectives_figure, rules_figure
from neurofit.report.parallel import parallel_figure
from neurofit.report.partial import partial_figure
from neurofit.report.raster import Fired, raster_figure
from neurofit.report.sensitivity import sensitivity_figure

if TYPE_CHECKING:
    from neurofit.surrogate.foretold import Foretold
    from neurofit.surrogate.partial import Partial
    from neurofit.surrogate.sensitivity import Sensitivity

Traces = Mapping[tuple[str, int], tuple[np.ndarray, Mapping[str, np.ndarray]]]
# Simulates a solution x (d,) again and gives its traces by (protocol, sweep): times [ms] and recordings by name.
Simulate = Callable[[Problem, np.ndarray], Traces]
# The same for a network: its spikes by protocol.
Fire = Callable[[Problem, np.ndarray], Mapping[str, Spikes]]

_PAIRS_DRAWN = 2000  # parameters x (features and rules): a heat map of more is not read by anyone


@dataclass(frozen=True, slots=True)
class Surrogate:
    """What a run's surrogate has to say; each is asked only where its picture is drawn, as it takes seconds.

    They raise NeurofitError where there is nothing to learn from.
    """

    sensitivity: Callable[[], Sensitivity]
    partial: Callable[[], Partial]
    foretold: Callable[[], Foretold]


@dataclass(frozen=True, slots=True)
class Material:
    """What a run's pictures are drawn from; `chosen` are (label, row) of the solutions to mark.

    `problem` None leaves out what needs targets, and `trouble` says why; `simulate` None leaves out what needs traces,
    `fire` None what needs spikes; `surrogate` None what it says.
    """

    results: Results
    chosen: tuple[tuple[str, int], ...]
    problem: Problem | None = None
    simulate: Simulate | None = None
    surrogate: Surrogate | None = None
    trouble: str = ""
    fire: Fire | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture: its name, its caption, what a run must have for it, and how it is drawn (None: it has not).

    `without` is the caption where a run has no objectives, "" where that is the same.
    """

    name: str
    caption: str
    needs: str
    draw: Callable[[Material], Figure | None]
    without: str = ""

    def picture(self, material: Material) -> Picture | None:
        """The picture of `material`, None where that lacks what is needed."""
        figure = self.draw(material)
        caption = self.caption if material.results.objective_names else self.without or self.caption
        return None if figure is None else Picture(self.name, caption, figure)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, the name its file gets, and what it shows in a sentence."""

    name: str
    caption: str
    figure: Figure


def _sensitivity(m: Material) -> Figure | None:
    if m.surrogate is None:
        return None
    d, rows = len(m.results.parameters), len(m.results.columns) + len(m.results.rule_texts)
    if d * rows > _PAIRS_DRAWN:
        raise NeurofitError(
            f"a heat map of {d} parameters by {rows} features and rules cannot be read; run.sensitivity() has it as "
            "numbers"
        )
    return sensitivity_figure(m.surrogate.sensitivity(), m.results.name)


def _partial(m: Material) -> Figure | None:
    if m.surrogate is None or m.problem is None or not m.problem.features:
        return None
    return partial_figure(m.surrogate.partial(), m.problem, m.results, m.chosen)


def _foretold(m: Material) -> Figure | None:
    return None if m.surrogate is None else foretold_figure(m.surrogate.foretold(), m.results.name)


def _parallel(m: Material) -> Figure | None:
    return parallel_figure(m.results, None if m.problem is None else m.problem.space, m.chosen)


def _curves(m: Material) -> Figure | None:
    return None if m.problem is None else curves_figure(m.problem, m.results, m.chosen)


def _traces(m: Material) -> Figure | None:
    problem, simulate = m.problem, m.simulate
    if problem is None or simulate is None or not m.chosen:
        return None
    if not isinstance(problem.model, CellTemplate) or not problem.protocols:
        return None
    from neurofit.report.traces import Solution, traces_figure  # eFEL, which no other picture needs

    x, features = m.results.x, m.results.features
    return traces_figure(problem, [Solution(label, features[r], simulate(problem, x[r])) for label, r in m.chosen])


def _spectrum(problem: Problem, solutions: Sequence[Fired]) -> Figure:
    from neurofit.report.spectrum import spectrum_figure  # scipy.signal, which no other picture needs

    return spectrum_figure(problem, solutions)


def _of_spikes(draw: Callable[[Problem, Sequence[Fired]], Figure]) -> Callable[[Material], Figure | None]:
    """Draws what the cells of a network's chosen solutions fired."""

    def drawn(m: Material) -> Figure | None:
        problem, fire = m.problem, m.fire
        if problem is None or fire is None or not m.chosen or not isinstance(problem.model, NetworkTemplate):
            return None
        if not problem.protocols:
            return None
        x, features = m.results.x, m.results.features
        return draw(problem, [Fired(label, features[r], fire(problem, x[r])) for label, r in m.chosen])

    return drawn


_LEARNED = "a problem whose files are still there, and a few evaluations"
_NETWORK = "a network with something feasible"
_OVERVIEW = (
    Kind(
        "front",
        "The objectives of feasible evaluations and of the front; 0 is on target.",
        "objectives",
        lambda m: front_figure(m.results, m.chosen) if m.results.objective_names else None,
    ),
    Kind(
        "convergence",
        "Hypervolume, best sum of objectives and feasible share.",
        "evaluations",
        lambda m: convergence_figure(m.results),
        "The share of evaluations that are feasible.",
    ),
)
KINDS = (
    *_OVERVIEW,
    Kind(
        "pairs",
        "Every pair of objectives.",
        "five to seven objectives",
        lambda m: pairs_figure(m.results, m.chosen),
    ),
    Kind(
        "parallel",
        "The front over all parameters and objectives, a line a solution; other evaluations pale.",
        "evaluations",
        _parallel,
        "What keeps the rules, over all parameters, a line a solution; other evaluations pale.",
    ),
    Kind(
        "objectives",
        "Distance of the chosen solutions to each target.",
        "objectives",
        lambda m: objectives_figure(m.results, m.chosen) if m.results.objective_names else None,
    ),
    Kind("rules", "How often each rule holds.", "rules and evaluations", lambda m: rules_figure(m.results)),
    Kind(
        "sensitivity",
        "What each parameter drives: slopes of features and rules, by a surrogate trained on all evaluations. "
        "Features that jump, such as spike counts, can be wrong several-fold; ± does not cover that.",
        _LEARNED,
        _sensitivity,
    ),
    Kind(
        "partial",
        "Features along the parameters that drive them most: evaluations as points, and the same surrogate's mean with "
        "where nine tenths of its members lie, the other parameters held as they are on the front.",
        _LEARNED,
        _partial,
    ),
    Kind(
        "foretold",
        "What a surrogate said of batches that it had not seen, against what came: features, feasible shares, and how "
        "often its own spread covers its error.",
        f"{_LEARNED} before a batch",
        _foretold,
    ),
    Kind(
        "curves",
        "Features over the injected current, with their targets.",
        "objectives over a family of sweeps",
        _curves,
    ),
    Kind("traces", "What the chosen solutions do, sweep by sweep.", "a cell with something feasible", _traces),
    Kind(
        "raster",
        "Spikes of the chosen solutions' cells, with each population's rate beside its targets.",
        _NETWORK,
        _of_spikes(raster_figure),
    ),
    Kind(
        "spectrum",
        "Power over frequency of each population's rate, of the chosen solutions.",
        _NETWORK,
        _of_spikes(_spectrum),
    ),
)
NAMES = tuple(kind.name for kind in KINDS)


def overview(material: Material) -> Iterator[Picture]:
    """The pictures that need nothing but the evaluations: front and convergence."""
    yield from _drawn(_OVERVIEW, material, None)


def pictures(material: Material, left_out: Callable[[str], None] | None = None) -> Iterator[Picture]:
    """Every picture that the run has material for; `left_out` is told, in a line, why one could not be drawn."""
    yield from _drawn(KINDS, material, left_out)


def picture(name: str, material: Material) -> Picture:
    """One picture by its name. Raises ConfigError where there is none of that name, NeurofitError where the run lacks
    what it needs.
    """
    kind = kind_of(name)
    made = kind.picture(material)
    if made is None:
        raise NeurofitError(f"there is no picture {name!r} of {material.results.name}: it needs {kind.needs}")
    return made


def kind_of(name: str, asked_by: str = "picture") -> Kind:
    """The kind of picture called `name`. Raises ConfigError, of what it was `asked_by`, where there is none."""
    kind = next((kind for kind in KINDS if kind.name == name), None)
    if kind is None:
        raise ConfigError(asked_by, got=name, expected=f"one of {', '.join(NAMES)}{did_you_mean(str(name), NAMES)}")
    return kind


def _drawn(kinds: Sequence[Kind], material: Material, left_out: Callable[[str], None] | None) -> Iterator[Picture]:
    for kind in kinds:
        try:
            made = kind.picture(material)
        except ConfigError:  # the input is wrong, a mechanism say: nothing to pass over
            raise
        except NeurofitError as error:
            if left_out is not None:
                left_out(f"no picture {kind.name}: {error}")
            continue
        if made is not None:
            yield made
