"""Optimizers behind one ask/tell, made by name; they see arrays and the space, never a simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from numbers import Integral
from types import MappingProxyType

from neurofit.errors import ConfigError, Words
from neurofit.optimize.base import Optimizer
from neurofit.problem.problem import Problem


def _random(problem: Problem, seed: int) -> Optimizer:
    from neurofit.optimize.random import Random

    return Random(problem.space, problem.fit, seed)


def _grid(problem: Problem, seed: int) -> Optimizer:
    from neurofit.optimize.grid import Grid

    return Grid(problem.space, problem.fit, seed)


def _nsga2(problem: Problem, seed: int) -> Optimizer:
    from neurofit.optimize.nsga2 import Nsga2

    return Nsga2(problem.space, problem.box, problem.fit, seed)


def _ibea(problem: Problem, seed: int) -> Optimizer:
    from neurofit.optimize.ibea import Ibea

    return Ibea(problem.space, problem.box, problem.fit, seed)


def _botorch(problem: Problem, seed: int) -> Optimizer:
    from neurofit.optimize.botorch import Botorch

    return Botorch(problem, seed)


def _joint(problem: Problem, seed: int) -> Optimizer:
    from neurofit.optimize.joint import Joint

    return Joint(problem, seed)


# A name, and how its optimizer is made from the problem and the seed. Each imports what it needs when it is asked for,
# so that one optimizer's libraries cost the others nothing.
OPTIMIZERS: Mapping[str, Callable[[Problem, int], Optimizer]] = MappingProxyType(
    {"joint": _joint, "random": _random, "grid": _grid, "nsga2": _nsga2, "ibea": _ibea, "botorch": _botorch}
)


def make_optimizer(name: str, problem: Problem, seed: int = 1) -> Optimizer:
    """The optimizer called `name`, at its start. Raises ConfigError where there is none of that name, or no Problem."""
    if not isinstance(problem, Problem):
        raise ConfigError("problem", got=Words(repr(problem)), expected="a Problem: `neurofit.load(FILE)`")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ConfigError("seed", got=Words(repr(seed)), expected="a whole number of at least 0")
    check_optimizer(name, problem)
    return OPTIMIZERS[name](problem, int(seed))


def check_optimizer(name: str, problem: Problem) -> None:
    """Raises ConfigError where there is no optimizer called `name`, or nothing for it to do; costs nothing."""
    if name not in OPTIMIZERS:
        raise ConfigError("$.fit.optimizer", expected=f"one of {', '.join(sorted(OPTIMIZERS))}", got=name)
    if name == "botorch" and find_spec("botorch") is None:
        raise ConfigError(
            "$.fit.optimizer",
            expected="the package botorch for this optimizer: pip install 'neurofit[botorch]'",
            got=f"{name}, which is not installed",
        )
    if not len(problem.space):
        raise ConfigError("$.parameters", expected="at least one free parameter: a pair [low, high]")


__all__ = ["OPTIMIZERS", "Optimizer", "check_optimizer", "make_optimizer"]
