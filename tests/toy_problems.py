"""Toy problems with known answers for the search: functions of milliseconds at most, and the Problems around them.

Each answer is in closed form, or by brute force over the few coordinates that decide it; test_toy_problems.py checks
both against the functions. The functions run in worker processes, which import this file by its path.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neurofit.config.identity import sealed
from neurofit.evaluate.function_evaluator import FunctionEvaluator
from neurofit.front import hypervolume, nondominated
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.expression import parse
from neurofit.problem.feature import Feature
from neurofit.problem.model import FunctionModel
from neurofit.problem.objective import Combine, Objective, Target
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space

Values = Mapping[str, float]


def evaluated(problem: Problem, x: np.ndarray, first: int = 0) -> list[Evaluation]:
    """The evaluations of x (n, d) in this process, numbered from `first`."""
    return list(FunctionEvaluator(problem).evaluate(range(first, first + len(x)), x))


def _problem(
    function: str,
    parameters: Sequence[Parameter],
    features: Sequence[str],
    objectives: Mapping[str, Sequence[tuple[str, float, float]]],
    rules: Mapping[str, str],
    combine: Combine = "rms",
    reference: float = 5.0,
    fit: FitSettings | None = None,
) -> Problem:
    """A Problem; an objective's terms are (feature, mean, std), `rules` expressions over features."""
    column = {name: j for j, name in enumerate(features)}
    made = Problem(
        name=function,
        model=FunctionModel(function, Path(__file__), function),
        space=Space(tuple(parameters)),
        fixed=(),
        searches=(),
        protocols=(),
        features=tuple(Feature(name, name, "") for name in features),
        objectives=tuple(
            Objective(name, tuple(Target(column[f], mean, mean, std) for f, mean, std in terms), combine)
            for name, terms in objectives.items()
        ),
        rules=tuple(Rule(n, text, parse(text).resolve(lambda _: (), column)) for n, text in rules.items()),
        fit=fit or FitSettings(optimizer="joint"),
        reference=(reference,) * len(objectives),
    )
    return sealed(made, "")


def _unit(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, "", 0.0, 1.0) for name in names)


# ---- islands: seven parameters, three objectives, six rules, about 0.13 % of the cube feasible

_ANCHORS = np.array([[0.05, 0.1, 0.2], [0.55, 0.6, 0.85], [0.95, 0.25, 0.5]])  # (objective, coordinate) of its optimum


ISLANDS_HYPERVOLUME = 0.447  # of the true front: the limit, to 0.001, of ever finer grids in `islands_front`


def island_places(a, b, c) -> dict[str, np.ndarray]:
    """What decides feasibility and scores, of coordinates a, b, c: floats or arrays."""
    warped = (a + 0.12 * np.sin(2 * math.pi * b), b + 0.15 * np.sin(3 * a), c**2 + 0.3 * a * c)
    away = {
        f"from{i}{name}": warped[j] - anchor[j] for i, anchor in enumerate(_ANCHORS) for j, name in enumerate("abc")
    }
    return away | {
        "wave_a": np.cos(4 * math.pi * a),
        "wave_b": np.cos(4 * math.pi * b - 2 * a),
        "ridge": c - 0.5 - 0.25 * np.sin(2 * math.pi * (a + b)),
    }


def islands(p: Values) -> dict[str, float]:
    """Scores and waves of a, b, c; `slack4`, `slack5` only do harm; e and f matter to the last two rules alone."""
    a, b, c = p["a"], p["b"], p["c"]
    found = {name: float(value) for name, value in island_places(a, b, c).items()}
    found["slack4"] = p["d4"] - 0.5 - 0.3 * math.sin(5 * a)
    found["slack5"] = p["d5"] - 0.3 - 0.4 * b**2
    found["gain"] = math.exp(1.5 * (p["e"] - p["f"]))
    found["load"] = p["e"] * p["f"]
    return found


def islands_problem(objectives: bool = True, rules: bool = True) -> Problem:
    """The islands, or their rules or objectives alone."""
    slack = (("slack4", 0.0, 0.2), ("slack5", 0.0, 0.2))
    names = [f"from{i}{axis}" for i in range(3) for axis in "abc"]
    wanted = {
        f"to{i}": [*((f"from{i}{axis}", 0.0, 0.2) for axis in "abc"), *slack] for i in range(3 if objectives else 0)
    }
    held = {
        "a_wave": "wave_a > 0.6",
        "b_wave": "wave_b > 0.6",
        "on_ridge": "abs(ridge) < 0.15",
        "near": "slack4**2 + slack5**2 < 0.083",
        "balanced": "0.8 < gain and gain < 1.6",
        "light": "load < 0.25",
    }
    features = (*names, "wave_a", "wave_b", "ridge", "slack4", "slack5", "gain", "load")
    return _problem(
        "islands", _unit("a", "b", "c", "d4", "d5", "e", "f"), features, wanted, held if rules else {}, reference=3.0
    )


def islands_front(n: int = 65, rounds: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Feasible front by brute force: its x (k, 7) and objectives (k, 3) [std].

    The slacks enter every score by their squares and can be 0 anywhere, and what the last two rules read can be had
    anywhere; so the best of each (a, b, c) is known, and three coordinates are the whole problem. They are tried on an
    n x n x n grid, and `rounds` times on finer ones around the front so far, each with half the step.
    """
    steps = n - 1
    cells, scores = _best_islands(np.array(list(itertools.product(range(n), repeat=3))), steps)
    around = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    for _ in range(rounds):
        steps *= 2
        finer = np.unique((2 * cells[:, None] + around).reshape(-1, 3), axis=0)
        cells, scores = _best_islands(np.clip(finer, 0, steps), steps)
    a, b, c = cells.T / steps
    rest = np.full(len(a), 0.3)
    return np.column_stack([a, b, c, 0.5 + 0.3 * np.sin(5 * a), 0.3 + 0.4 * b**2, rest, rest]), scores


def _best_islands(cells: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The feasible, non-dominated of the grid's places cells / steps (n, 3), and their scores without slack (n', 3)."""
    at = island_places(*cells.T / steps)
    feasible = islands_allow(at)
    squares = [sum(at[f"from{i}{axis}"][feasible] ** 2 for axis in "abc") for i in range(3)]
    scores = np.sqrt(np.column_stack(squares) / 5) / 0.2
    best = nondominated(scores)
    return cells[feasible][best], scores[best]


def islands_allow(at: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) whether the three rules on a, b and c hold."""
    return (at["wave_a"] > 0.6) & (at["wave_b"] > 0.6) & (np.abs(at["ridge"]) < 0.15)


def islands_of(x: np.ndarray) -> np.ndarray:
    """(n,) number of the island that each feasible x (n, 7) is on: the periods of the two waves."""
    return np.round(2 * x[:, 0]) * 10 + np.round(2 * x[:, 1] - x[:, 0] / math.pi)


# ---- many: 142 parameters, 200 features, 36 objectives, five rules

_PARAMETERS, _FEATURES, _OBJECTIVES = 142, 200, 36


@functools.cache
def _many_weights() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Groups (200, 3) of parameters, weights and directions (200, 3), phases (200,), and the hidden point (142,)."""
    rng = np.random.default_rng(36)
    # every parameter is in four groups at least
    order = np.concatenate([rng.permutation(_PARAMETERS) for _ in range(5)])[: 3 * _FEATURES]
    straight, bent = rng.normal(size=(2, _FEATURES, 3))
    return order.reshape(-1, 3), straight, bent, rng.uniform(0, 6, _FEATURES), rng.uniform(0.2, 0.8, _PARAMETERS)


def _many_features(x: np.ndarray) -> np.ndarray:
    """(n, 200) of x (n, 142)."""
    groups, straight, bent, phase, _ = _many_weights()
    near = x[:, groups] - 0.5
    return (near * straight).sum(-1) + 0.5 * np.sin(3 * (near * bent).sum(-1) + phase)


def many(p: Values) -> dict[str, float]:
    """Each feature is a line and a wave of three parameters."""
    x = np.array([[p[f"p{j}"] for j in range(_PARAMETERS)]])
    return {f"f{j}": float(v) for j, v in enumerate(_many_features(x)[0])}


def many_answer() -> np.ndarray:
    """The x (142,) whose features are the targets: all 36 objectives are 0 there, and all rules hold."""
    return _many_weights()[-1]


@functools.cache
def many_problem() -> Problem:
    """36 objectives of five or six features each; each rule holds for 55 % of random points, and for the answer."""
    goal = _many_features(many_answer()[None])[0]
    sample = _many_features(np.random.default_rng(5).random((4000, _PARAMETERS)))
    rules = {}
    for r in range(5):
        read = range(40 * r, 40 * r + 6)
        total, wanted = sample[:, read].sum(axis=1), float(goal[list(read)].sum())
        above = wanted > np.median(total)
        limit = np.quantile(total, 0.45 if above else 0.55)
        rules[f"rule{r}"] = f"{' + '.join(f'f{j}' for j in read)} {'>' if above else '<'} {limit:.6f}"
    parts = np.array_split(np.random.default_rng(6).permutation(_FEATURES), _OBJECTIVES)
    objectives = {f"o{k}": [(f"f{j}", float(goal[j]), 0.2) for j in part] for k, part in enumerate(parts)}
    return _problem(
        "many",
        _unit(*(f"p{j}" for j in range(_PARAMETERS))),
        [f"f{j}" for j in range(_FEATURES)],
        objectives,
        rules,
    )


# ---- between: two objectives whose front is the straight line between two points; smooth, noisy, or failing

_START, _END = np.array([0.3, 0.3, 0.5, 0.4]), np.array([0.7, 0.7, 0.5, 0.6])
_STD, NOISE = 0.1, 0.02
_ENDS = {"start": _START, "end": _END}
_BETWEEN = [f"{end}{j}" for end in _ENDS for j in range(4)]


def between(p: Values) -> dict[str, float]:
    """Signed distances along four bent axes from either end. The bend w(x) grows from 0 to 1, so it can be undone."""
    w = [p[f"x{j}"] + 0.1 * math.sin(2 * math.pi * p[f"x{j}"]) for j in range(4)]
    found = {f"{name}{j}": w[j] - end[j] for name, end in _ENDS.items() for j in range(4)}
    return found | {"gate": w[0] * w[1]}


def noisy(p: Values, seed: int) -> dict[str, float]:
    """`between` with normal noise of sd NOISE, a fifth of an std, on every feature."""
    noise = NOISE * np.random.default_rng(seed).standard_normal(9)
    return {name: value + float(e) for (name, value), e in zip(between(p).items(), noise, strict=True)}


def hidden_failures(p: Values) -> dict[str, float]:
    """`between`, which raises in one corner of 15 % of the space and is nan in the opposite one, 15 % too."""
    corner = 1 - math.sqrt(0.3)  # triangles of area (1 - corner)**2 / 2 = 0.15
    if p["x0"] - p["x1"] > corner:
        raise ArithmeticError("no convergence")
    found = between(p)
    return dict.fromkeys(found, math.nan) if p["x1"] - p["x0"] > corner else found


def between_problem(function: str = "between") -> Problem:
    """Without rules for `between`; with one for `noisy` and `hidden_failures`, which all of the front obeys."""
    objectives = {name: [(f"{name}{j}", 0.0, _STD) for j in range(4)] for name in _ENDS}
    rules = {} if function == "between" else {"open": "gate > 0.05"}
    return _problem(function, _unit("x0", "x1", "x2", "x3"), [*_BETWEEN, "gate"], objectives, rules, reference=3.0)


def between_front(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (n, 4) and noise-free objectives (n, 2) [std] at shares t (n,) of the way from one end to the other."""
    w = _START + np.asarray(t)[:, None] * (_END - _START)
    fine = np.linspace(0, 1, 100_001)
    x = np.interp(w, fine + 0.1 * np.sin(2 * math.pi * fine), fine)
    length = float(np.linalg.norm(_END - _START)) / math.sqrt(4) / _STD
    return x, np.column_stack([t, 1 - np.asarray(t)]) * length


def between_hypervolume(reference: float = 3.0) -> float:
    """Share of the box that the whole front dominates: the front is the line f1 + f2 = length."""
    return 1 - (between_front(np.ones(1))[1][0, 0] / reference) ** 2 / 2


# ---- adapting: two rates that go together but where one parameter drives them apart


def adapting(p: Values) -> dict[str, float]:
    """The rate at first and at last: 10 to 120, apart where `channel` is large."""
    last = 10.0 * math.exp(2.5 * p["drive"])
    return {"first": last * (1.0 + 0.02 * math.exp(5.0 * p["channel"]) * (0.5 + p["other"])), "last": last}


def adapting_problem() -> Problem:
    """A cell that adapts, at any rate."""
    parameters, targets = _unit("drive", "channel", "other"), {"rate": [("last", 40.0, 5.0)]}
    return _problem("adapting", parameters, ("first", "last"), targets, {"adapts": "first > 1.5 * last"})


# ---- counts: of three, each is 0 for nine tenths of random points, and one in 140 has them all

_MIDDLE = (0.3, 0.6, 0.4, 0.7, 0.35, 0.55)
_REACH = 0.28


def counts(p: Values) -> dict[str, float]:
    """How many spikes each of three stimuli gives, near a middle of its three parameters, and when the first comes."""
    found: dict[str, float] = {}
    for i, axes in enumerate(((0, 1, 2), (2, 3, 4), (4, 5, 0))):
        above = _REACH**2 - sum((p[f"x{j}"] - _MIDDLE[j]) ** 2 for j in axes)
        found[f"n{i}"] = float(math.ceil(100 * max(0.0, above)))
        if above > 0:
            found[f"latency{i}"] = 1 / (0.02 + above)
    return found


def counts_problem(rule: str = "n0 > 0 and n1 > 0 and n2 > 0") -> Problem:
    """The middle meets all; a point that has one count and not the others has no score."""
    goal = counts({f"x{j}": middle for j, middle in enumerate(_MIDDLE)})
    early = [(f"latency{i}", goal[f"latency{i}"], 2.0) for i in range(3)]
    rules = {"fires": rule} if rule else {}
    return _problem("counts", _unit(*(f"x{j}" for j in range(6))), tuple(goal), {"early": early}, rules)


# ---- nine: as many objectives, no rule, and a burst that 14 % of random points have


def nine(p: Values) -> dict[str, float]:
    """Formulas of a cell from five parameters; there is no burst where gca is small beside gk."""
    g, k, c, leak, tau = (p[name] for name in ("gna", "gk", "gca", "leak", "tau"))
    drive = g / (k + 0.3) - leak
    found = {"rate": 400 * math.sqrt(max(0.0, drive)) / (10 + tau), "rest": 12 * leak - 3 * k - 75}
    found |= {"rin": 200 / (0.5 + leak + 0.2 * k), "ahp": -10 * k / (c + 0.5), "amp": 100 * g / (g + k + 0.4)}
    found |= {"width": 0.4 + 0.3 * c + 0.2 / k, "adapt": c * tau / 40, "charge": 20 / (0.4 + leak)}
    bursts = c > 1.2 * k and drive > 0.8
    return found | ({"burst": 3 + 8 * (c - 1.2 * k) * math.exp(-tau / 30) + drive} if bursts else {})


def nine_problem() -> Problem:
    """One point meets all: gna 1.9, gk 0.6, gca 1.15, leak 0.5, tau 14."""
    bounds = {"gna": (0.1, 4.0), "gk": (0.1, 4.0), "gca": (0.05, 2.0), "leak": (0.05, 1.5), "tau": (1.0, 40.0)}
    goal = nine({"gna": 1.9, "gk": 0.6, "gca": 1.15, "leak": 0.5, "tau": 14.0})
    stds = dict(zip(goal, (1.0, 0.5, 6.0, 0.4, 2.0, 0.05, 0.03, 1.5, 0.4), strict=True))
    parameters = [Parameter(name, "", *pair, "log") for name, pair in bounds.items()]
    return _problem("nine", parameters, tuple(goal), {f: [(f, goal[f], stds[f])] for f in goal}, {})


# ---- smooth: sixteen smooth features of ten parameters, and a hidden point that meets all

_SMOOTH = 10


def _smooth_features(u: np.ndarray) -> np.ndarray:
    """(n, 16) of points u (n, 10): a random network, the same one always."""
    rng = np.random.default_rng(8)
    first, offset, last = rng.normal(size=(_SMOOTH, 20)) / 1.4, rng.normal(size=20) / 2, rng.normal(size=(20, 16)) / 3
    return np.tanh((2 * u - 1) @ first + offset) @ last


def smooth(p: Values) -> dict[str, float]:
    return {f"y{j}": float(y) for j, y in enumerate(_smooth_features(np.array([list(p.values())]))[0])}


def smooth_problem() -> Problem:
    """Each objective a feature of its own."""
    goal = _smooth_features(np.random.default_rng(9).uniform(0.15, 0.85, (1, _SMOOTH)))[0]
    targets = {f"y{j}": [(f"y{j}", float(y), 0.1)] for j, y in enumerate(goal)}
    return _problem("smooth", _unit(*(f"x{j}" for j in range(_SMOOTH))), list(targets), targets, {})


# ---- kinds: three reals, an integer and a choice of four; one choice alone holds the optimum

_PLACES = ("soma", "basal", "apical", "axon")
_RIGHT = "apical"
_CENTRES = {"soma": (0.5, 0.5, 0.5), "basal": (0.4, 0.6, 0.5), "apical": (0.8, 0.25, 0.65), "axon": (0.6, 0.4, 0.4)}
_NUMBERS = {"soma": 3, "basal": 2, "apical": 5, "axon": 3}


def kinds(p: Mapping[str, float | str]) -> dict[str, float]:
    """Distances from each place's own centre: gentle with a floor in the traps, steep down to 0 in the right place."""
    where = str(p["where"])
    right = where == _RIGHT
    off = [float(p[f"g{j}"]) - centre for j, centre in enumerate(_CENTRES[where])]
    steps = (float(p["n"]) - _NUMBERS[where]) / 3
    square = sum(o**2 for o in off) + steps**2
    found = {f"off{j}": (1.4 if right else 0.5) * o for j, o in enumerate(off)}
    found |= {"steps": steps, "cost": 1.4 * square if right else 0.5 + 0.1 * square}
    return found | {"drive": float(p["g0"]) + 0.2 * float(p["n"])}


def kinds_problem() -> Problem:
    """One objective and one rule, which cuts the traps' middles as little as the optimum."""
    parameters = (
        *_unit("g0", "g1", "g2"),
        Parameter("n", "", 1, 8, kind="integer"),
        Parameter.one_of("where", "", _PLACES),
    )
    terms = [*((f"off{j}", 0.0, 0.1) for j in range(3)), ("steps", 0.0, 0.2), ("cost", 0.0, 0.2)]
    features = ("off0", "off1", "off2", "steps", "cost", "drive")
    return _problem("kinds", parameters, features, {"score": terms}, {"driven": "drive > 0.6"}, reference=4.0)


def kinds_answer() -> tuple[np.ndarray, float]:
    """x (5,) of the optimum, whose score is 0, and the least score [std] that any other place has."""
    x = np.array([*_CENTRES[_RIGHT], _NUMBERS[_RIGHT], _PLACES.index(_RIGHT)], float)
    return x, 0.5 / 0.2 / math.sqrt(5)  # the floor alone: every other term is 0


def kinds_least(place: str, n: int = 11) -> float:
    """The least score [std] of feasible points at `place`, on a grid of n points an axis."""
    axis, problem = np.linspace(0, 1, n), kinds_problem()
    rows = np.array([[*g, k, _PLACES.index(place)] for g in itertools.product(axis, repeat=3) for k in (2, 3, 5)])
    return min(float(e.objectives[0]) for e in evaluated(problem, rows) if e.feasible)


# ---- narrow: five reals and a choice of three; the choice that reaches the targets is feasible in a small part only

_WAYS = ("open", "poor", "narrow")
_MIDDLES = {"open": (0.3, 0.6, 0.4, 0.5, 0.7), "poor": (0.6, 0.5, 0.3, 0.7, 0.4), "narrow": (0.7, 0.3, 0.6, 0.4, 0.3)}
_FLOORS = {"open": 0.8, "poor": 2.0, "narrow": 0.0}
_STEEPNESS = {"open": 1.0, "poor": 1.0, "narrow": 4.0}


def narrow(p: Mapping[str, float | str]) -> dict[str, float]:
    """Two bent axes to be at 0, which all but one way keep off it, and two that rules hold within a band."""
    way = str(p["way"])
    off = [float(p[f"g{j}"]) - middle for j, middle in enumerate(_MIDDLES[way])]
    bent = [o + 0.15 * math.sin(4 * o + j) - 0.15 * math.sin(j) for j, o in enumerate(off)]
    first, second = bent[0] + 0.5 * bent[1], bent[2] - 0.5 * bent[1]
    band = [_STEEPNESS[way] * (bent[3] + 0.4 * bent[0]), _STEEPNESS[way] * (bent[4] - 0.4 * bent[2])]
    return {
        "first": first,
        "second": second,
        "floor": _FLOORS[way] + 0.2 * (first + second),
        "low": band[0],
        "high": band[1],
    }


def narrow_problem() -> Problem:
    """Two objectives, each of which the floor keeps above 2.5 std in every way but the narrow one."""
    terms = {name: [(name, 0.0, 0.1), ("floor", 0.0, 0.2)] for name in ("first", "second")}
    rules = {"low": "abs(low) < 0.2", "high": "abs(high) < 0.2", "near": "abs(first) < 0.3"}
    parameters = (*_unit(*(f"g{j}" for j in range(5))), Parameter.one_of("way", "", _WAYS))
    return _problem("narrow", parameters, ("first", "second", "floor", "low", "high"), terms, rules)


def share_of(problem: Problem, n: int, seed: int = 0) -> tuple[float, list[Evaluation]]:
    """The feasible share of n random points, and their evaluations."""
    done = evaluated(problem, problem.space.from_unit(np.random.default_rng(seed).random((n, len(problem.space)))))
    return sum(e.feasible for e in done) / n, done


def volume(problem: Problem, done: Sequence[Evaluation]) -> float:
    """Hypervolume, as a share of the problem's box, of the feasible among `done`."""
    points = np.array([e.objectives for e in done if e.feasible], float).reshape(-1, len(problem.objectives))
    return hypervolume(points, np.asarray(problem.box))
