"""What may well be a slip, though it is possible: warnings that `check` and `fit` show before anything is simulated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from neurofit.config.knob import Knob
from neurofit.config.schema.base import nearest, written
from neurofit.config.schema.fit import FitFile, FitSpec
from neurofit.errors import ConfigError
from neurofit.problem import catalogue
from neurofit.problem.feature import Feature
from neurofit.problem.model import BASIC_LISTS, CellTemplate, FunctionModel
from neurofit.problem.objective import Objective
from neurofit.problem.problem import Model
from neurofit.problem.protocol import Chirp, Noise, Protocol, Ramp, Step, Stimulus

# nA: what goes through a pipette into a mammalian neuron stays below it, also in the short pulses that elicit one
# spike; a plain number above it was most likely meant in pA.
STRONG = 10.0
VOLTAGE = 1000.0  # mV: no membrane has more, nor is clamped to it
_PEAK = 150.0  # mV: no spike goes beyond
_SHARE, _SIGNED = (0.0, 1.0), (-1.0, 1.0)
# What features of populations can be, which nobody's target lies beyond on purpose.
_POSSIBLE = {
    "active_fraction": _SHARE,
    "coherence": _SHARE,
    "synchrony": _SHARE,
    "pairwise_correlation": _SIGNED,
    "peak_frequency": (3.0, 300.0),
    "population_rate": (0.0, 1000.0),
    "active_rate": (0.0, 1000.0),
    "rate_spread": (0.0, 1000.0),
    "isi_cv": (0.0, math.inf),
    "rhythmicity": (0.0, math.inf),
} | {f"regime_{name}": _SHARE for name in ("silent", "asynchronous", "synchronous", "saturated")}
_RATES, _WIDTHS = (0.0, 1000.0), (0.02, 500.0)  # Hz; ms, from interneurons' spikes to the heart's
_RESISTANCES = (1e-3, 5e4)  # MOhm, from a squid's axon to a cell of a few um: 100e6, in ohms, is neither
_RESTING, _CURRENTS = (-150.0, -10.0), (-STRONG, STRONG)  # mV: neither 65 nor, in volts, -0.065; nA
# What features of single cells are, in the unit of each. Only what no recording of a neuron could give is outside.
_OF_CELLS = {
    **dict.fromkeys(("voltage_base", "AHP_depth_abs", "minimum_voltage", "AP_begin_voltage"), _RESTING),
    **dict.fromkeys(("AP_amplitude", "mean_AP_amplitude", "AP1_amp", "AP2_amp", "APlast_amp"), (0.2, 200.0)),
    **dict.fromkeys(("mean_frequency", "burst_mean_freq", "strict_burst_mean_freq", "inv_time_to_first_spike"), _RATES),
    **dict.fromkeys((f"inv_{which}_ISI" for which in ("first", "second", "third", "fourth", "fifth", "last")), _RATES),
    **dict.fromkeys((*catalogue.SPIKE_COUNTS, "ISI_CV", "irregularity_index"), (0.0, math.inf)),
    **dict.fromkeys(("input_resistance", "iv_slope", "resonance_impedance"), _RESISTANCES),
    **dict.fromkeys(("ohmic_input_resistance", "ohmic_input_resistance_vb_ssse"), _RESISTANCES),
    **dict.fromkeys(("spike_half_width", "AP_width", "AP1_width", "AP2_width", "AP_duration_half_width"), _WIDTHS),
    "membrane_time_constant": (0.02, 5000.0),
    "rheobase": _CURRENTS,
    "holding_current": _CURRENTS,
}
# Of a parameter in that unit: the most of any use, of what, and the smaller unit that it was likely meant in; "" where
# more likely a larger one was written.
_MOST = {
    "uS": (1.0, "a synapse", "nS"),
    "S/cm2": (100.0, "a membrane", "mS/cm2"),
    "uF/cm2": (1000.0, "a membrane", ""),
    "mV": (VOLTAGE, "a membrane", ""),
    "ohm cm": (1e4, "cytoplasm", ""),
    "ms": (1e5, "a membrane or a synapse", "us"),
}
_DECADES = 8.0  # of logarithmic bounds: most of wider ones is as good as nothing, or beyond anything
# An std beside its target: the share of it below which all evaluations are as bad, and above which as good.
_FINEST, _COARSEST = 1e-5, 1e4
# A range whose ends differ by that factor, or that is so much wider than all that its feature can be, has one end that
# only stands for no limit.
_OPEN, _WIDER = 1e6, 10.0
_HUGE = 1e9  # of numbers that scores are taken by: what is above was a slip of the pen
# Settings that only these optimizers know.
_OF_OPTIMIZERS = {
    "points_per_axis": ("grid",),
    "design": ("random",),
    "initial": ("joint", "botorch", "nsga2", "ibea"),
    **dict.fromkeys(("surrogate", "sensitive_steps", "without"), ("joint",)),
}
_BRIEF = 20.0  # ms, of a network's window: within it few cells spike twice


def currents(protocols: Sequence[Protocol]) -> Iterator[str]:
    """A warning for each protocol that injects more than `STRONG`, and for each that has the same sweep twice."""
    for protocol in protocols:
        plain = [a for sweep in protocol.sweeps for s in sweep.stimuli for a in _plain(s)]
        plain += [protocol.holding] if isinstance(protocol.holding, float) else []
        yield from strong(f"protocol {protocol.name}", plain)
        kinds = [sweep.stimuli for sweep in protocol.sweeps if sweep.stimuli]
        if len(set(kinds)) < len(kinds):
            yield f"protocol {protocol.name}: two of its sweeps are the same, and tell nothing that one does not"


def of_networks(protocols: Sequence[Protocol], knobs: Sequence[Knob]) -> Iterator[str]:
    """A warning for each window in which hardly a cell spikes, and each changed parameter that is far too much."""
    unit_of = {knob.model.name: knob.model.unit for knob in knobs}
    for protocol in protocols:
        for sweep in protocol.sweeps:
            start, end = sweep.window
            if end - start < _BRIEF:
                yield (
                    f"protocol {protocol.name}: its window is {end - start:g} ms long, in which one spike of a cell is "
                    f"a rate of {1e3 / (end - start):.0f} Hz, and few spike at all"
                )
            for change in sweep.changes:
                what = f"protocol {protocol.name}: {change.parameter}"
                yield from _too_much(what, unit_of[change.parameter], [change.value])


def strong(what: str, amps: Iterable[float]) -> Iterator[str]:
    """A warning where the strongest of these currents [nA], of `what`, is above `STRONG`."""
    strongest = max(amps, key=abs, default=0.0)
    if abs(strongest) > STRONG:
        yield (
            f"{what}: a current of {strongest:g} nA is far more than a neuron is given; plain numbers are in nA, "
            f"`{strongest:g} pA` is a text with its own unit"
        )


def targets(objectives: Sequence[Objective], features: Sequence[Feature]) -> Iterator[str]:
    """A warning for each objective with a target that its feature cannot reach, or an std that fits no target of its
    size.
    """
    for objective in objectives:
        for target in objective.targets:
            feature = features[target.column]
            least, most = can_be(feature)
            if target.high < least or target.low > most:
                wanted = f"{target.low:g}" if target.low == target.high else f"{target.low:g} to {target.high:g}"
                yield f"objective {objective.name}: {range_of(feature)}, and its target of {wanted} is not"
            elif target.low < target.high and target.std == (target.high - target.low) / 2:
                small, large = sorted((abs(target.low), abs(target.high)))
                span = _WIDER * (most - least) if math.isfinite(most - least) else math.inf
                if 0 < small * _OPEN < large or target.high - target.low > span:
                    yield (
                        f"objective {objective.name}: half the range of {target.low:g} to {target.high:g} is the std "
                        f"where none is given, so that {target.std:g} outside it scores 1; give it an `std`"
                    )
                    break
        for std, size in dict.fromkeys((t.std, max(abs(t.low), abs(t.high))) for t in objective.targets):
            if size > 0 and not _FINEST * size <= std <= _COARSEST * size:
                what = "small" if std < size else "large"
                yield f"objective {objective.name}: an std of {std:g} is very {what} beside a target of {size:g}"
                break


def can_be(feature: Feature) -> tuple[float, float]:
    """The least and the most that a feature is of any neuron, or population of them; infinite where nobody knows."""
    found = _OF_CELLS.get(feature.name) or _POSSIBLE.get(feature.name)
    return found if found and _is_itself(feature) else (-math.inf, math.inf)


def range_of(feature: Feature) -> str:
    """What `can_be` says of a feature, in words: "a neuron's spike_count is at least 0"; "" where nobody knows."""
    least, most = can_be(feature)
    if not math.isfinite(least):
        return ""
    bounds = f"from {least:g} to {most:g}" if math.isfinite(most) else f"at least {least:g}"
    whose = "a neuron's " if feature.name in _OF_CELLS else ""
    return f"{whose}{feature.name} is {bounds} {feature.unit}".rstrip()


def _is_itself(feature: Feature) -> bool:
    """Not a function model's own of that name, no spread of it, not asked of a current or a concentration, nor of a
    time of the file's choice, in which a cell may be held at anything.
    """
    as_listed = bool(feature.protocol) and feature.unit == catalogue.spec(feature.name).unit
    return as_listed and feature.window is None and feature.reduce not in ("std", "count")


def knobs(made: Sequence[Knob], model: Model) -> Iterator[str]:
    """A warning for each parameter that spans more decades than a search can do anything with and, but for those of a
    function, for each, fixed or free, that can be far more than anything of its kind is.
    """
    for knob in made:
        free = knob.free
        if free is not None and free.scale == "log" and (decades := math.log10(free.high / free.low)) > _DECADES:
            yield (
                f"{knob.model.name}: {free.low:g} to {free.high:g} is {decades:.0f} decades, of which a search looks "
                "at each as often as at any other; nearer bounds leave more of it for those that matter"
            )
    if isinstance(model, FunctionModel):
        return
    for knob in made:
        ends = [knob.model.value] if knob.free is None else [knob.free.low, knob.free.high]
        yield from _too_much(knob.model.name, knob.model.unit, [end for end in ends if isinstance(end, float)])


def _too_much(what: str, unit: str, values: Sequence[float]) -> Iterator[str]:
    """A warning where one of `values` of `what` [unit] is far more than anything of its kind."""
    if what.endswith((".duration", ".delay")):  # of a network's drives, which may go on and on
        return
    most, whose, smaller = _MOST.get(unit, (math.inf, "", ""))
    value = max(values, key=abs, default=0.0)
    if abs(value) > most:
        own = f"; plain numbers are in {unit}, `{value:g} {smaller}` is a text with its own unit" if smaller else ""
        yield f"{what}: {value:g} {unit}, far more than {whose} has{own}"


def temperature(cell: CellTemplate, protocols: Sequence[Protocol]) -> Iterator[str]:
    """A warning where nobody says the temperature of a cell with channels, and NEURON's own, a squid's, is taken."""
    channels = {name for _, names in cell.mechanisms for name in names} - {"pas"}
    said = cell.conditions.celsius is not None or all(p.conditions.celsius is not None for p in protocols)
    said |= any((a.where, a.variable) == ("global", "celsius") for p in cell.parameters for a in p.sets)
    if channels and not said and cell.hoc is None and cell.python is None:
        yield "conditions: without a `celsius` it is NEURON's own 6.3 degC, on which channels may depend"


def lists(cell: CellTemplate) -> Iterator[str]:
    """A warning for each list of a section that nothing reads and that is called nearly as one that all cells have."""
    used = {where for where, _ in cell.mechanisms} | {part for _, parts in cell.lists for part in parts}
    used |= {a.where for parameter in cell.parameters for a in parameter.sets}
    for section in cell.morphology.sections if cell.morphology is not None else ():
        for name in section.lists:
            near = nearest(name, BASIC_LISTS)
            if name not in used and name not in BASIC_LISTS and near:
                yield f"section {section.name}: nothing reads its list {name}; did you mean `{near}`?"


def scores(fit: FitFile) -> Iterator[str]:
    """A warning for each number that scores are weighed or held against and that is beyond all of them."""
    references = fit.reference if isinstance(fit.reference, dict) else {"": fit.reference}
    given = {f"reference{'.' * bool(name)}{name}": value for name, value in references.items()}
    given |= {f"objective {name}: weight": objective.weight for name, objective in fit.objectives.items()}
    given |= {"fit.good_enough": fit.fit.good_enough or 0.0}
    for what, value in given.items():
        if value > _HUGE:
            yield f"{what}: {value:g} is far more than any distance in standard deviations"


def thresholds(features: Sequence[Feature]) -> Iterator[str]:
    """A warning for each eFEL threshold that no voltage crosses."""
    for value in dict.fromkeys(dict(feature.settings).get("Threshold", 0.0) for feature in features):
        if abs(value) > _PEAK:
            yield f"efel.Threshold: no spike crosses {value:g} mV; plain numbers are in mV"


def settings(spec: FitSpec, model: Model) -> Iterator[str]:
    """A warning for each setting that has no effect. Raises ConfigError for those that contradict each other."""
    if isinstance(spec.initial, int) and spec.initial > spec.budget:
        # no error: `--budget 10` is a way to try a file, and what it wrote is to be opened later
        yield f"fit.initial: a design of {spec.initial} points is cut off by the budget, {spec.budget} evaluations"
    if "batch" in spec.model_fields_set and spec.batch > spec.budget:
        yield f"fit.batch: {spec.batch} candidates at a time are cut off by the budget, {spec.budget} evaluations"
    if spec.engine == "coreneuron" and isinstance(model, FunctionModel):
        raise ConfigError("$.fit.engine", got=spec.engine, expected="no engine: a function model is not simulated")
    if spec.engine == "coreneuron" and not isinstance(model, CellTemplate):
        yield "fit.engine: coreneuron has no effect, as networks are simulated by NEURON"
    if spec.share is True and not isinstance(model, CellTemplate):
        yield "fit.share has no effect, as only a cell's sweeps can share their beginning"
    for key, optimizers in _OF_OPTIMIZERS.items():
        if spec.optimizer not in optimizers and written(spec, key):
            yield f"fit.{key} has no effect on {spec.optimizer}, only on {', '.join(optimizers)}"
    if spec.patience is not None and spec.patience >= spec.budget:
        yield f"fit.patience: {spec.patience} has no effect within a budget of {spec.budget}"
    if spec.ranks_per_evaluation > 1 and isinstance(model, CellTemplate | FunctionModel):
        yield "fit.ranks_per_evaluation has no effect, as only networks share an evaluation"


def _plain(stimulus: Stimulus) -> list[float]:
    """The currents [nA] of a stimulus that are plain numbers."""
    if isinstance(stimulus, Ramp):
        found: tuple[object, ...] = (stimulus.amp, stimulus.amp_end)
    elif isinstance(stimulus, Noise):
        found = (stimulus.mean, stimulus.std)
    else:
        found = (stimulus.amp,) if isinstance(stimulus, (Step, Chirp)) else ()
    return [value for value in found if isinstance(value, float)]
