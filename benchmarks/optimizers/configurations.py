"""What is compared: every optimizer, and the joint search with one part left out or put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from pydantic import ValidationError

from benchmarks.optimizers.cases import Case
from neurofit.config.identity import sealed
from neurofit.config.schema.fit import FitSpec
from neurofit.errors import ConfigError
from neurofit.problem.problem import FitSettings, Problem

INITIAL = BATCH = 50
_TIMEOUT = 600.0  # s; a machine that does other work too must not turn good evaluations into failed ones


@dataclass(frozen=True, slots=True)
class Configuration:
    """An optimizer and what differs from its default settings, (setting, value) each.

    `learner` says whether it is given the few evaluations of those that learn a surrogate; `alone`, whether it begins
    with a design of its own, and not with what all others begin with; `short`, whether that is as short as it thinks
    right, which says what the joint search needs where nobody else has to begin alike.
    """

    label: str
    optimizer: str
    settings: tuple[tuple[str, str | bool | int | tuple[str, ...]], ...] = ()
    learner: bool = True
    alone: bool = False
    short: bool = False

    def budget(self, case: Case) -> int:
        """Evaluations in all, initial ones included."""
        return case.learners if self.learner else case.others

    def suits(self, case: Case) -> bool:
        """Whether it makes sense there."""
        if self.alone and not self.short:
            return case.linear
        return self.optimizer != "grid" or case.gridded

    def missing(self) -> str:
        """What this neurofit lacks for it; "" where it has all."""
        given = {name: list(v) if isinstance(v, tuple) else v for name, v in self.settings}
        try:
            FitSpec.model_validate({"optimizer": self.optimizer, **given})
            replace(FitSettings(), **dict(self.settings))  # type: ignore[arg-type]  # checked the line before
        except (ValidationError, TypeError) as error:
            return str(error).splitlines()[-2 if isinstance(error, ValidationError) else -1].strip()
        return ""

    def check(self) -> None:
        """Raises ConfigError where this neurofit has no such optimizer or setting."""
        if missing := self.missing():
            raise ConfigError(f"configuration {self.label}", expected=f"a neurofit that has it ({missing})")

    def problem(self, case: Case, seed: int, own: int, warm: tuple[str, ...]) -> Problem:
        """The case as this configuration runs it, with `own` evaluations besides those of the runs `warm`."""
        problem = case.problem()
        fit = replace(
            problem.fit,
            **dict(self.settings) | {"optimizer": self.optimizer, "budget": own, "batch": BATCH},
            initial=None if self.short else INITIAL,
            seed=seed,
            workers=1,
            timeout=_TIMEOUT,
            warm_start=warm,
            # As the archives that are kept were made: what is compared is what the searches saw.
            engine="neuron",
            confirm=False,
        )
        return sealed(replace(problem, fit=fit), problem.text)


# The 50 evaluations that all begin with.
START = Configuration("initial", "joint", alone=True)

_JOINT = Configuration("joint", "joint")
_GP = Configuration("joint-gp", "joint", (("surrogate", "gp"),))
_NET = Configuration("joint-net", "joint", (("surrogate", "net"),))
OPTIMIZERS = (
    _JOINT,
    _GP,
    _NET,
    Configuration("joint-alone", "joint", alone=True, short=True),
    Configuration("joint-lag", "joint", (("lag", 1),)),
    Configuration("botorch", "botorch"),
    Configuration("nsga2", "nsga2", learner=False),
    Configuration("nsga2-alone", "nsga2", learner=False, alone=True),
    Configuration("ibea", "ibea", learner=False),
    Configuration("ibea-alone", "ibea", learner=False, alone=True),
    Configuration("random", "random", learner=False),
    Configuration("grid", "grid", learner=False),
)
ABLATIONS = (
    _JOINT,
    _GP,
    _NET,
    *(Configuration(f"no-{part}", "joint", (("without", (part,)),)) for part in ("gradient", "rules", "definedness")),
    Configuration("no-features", "joint", (("without", ("features",)),)),
    Configuration("sensitive", "joint", (("sensitive_steps", True),)),
)
CONFIGURATIONS: Mapping[str, Configuration] = MappingProxyType({c.label: c for c in (START, *OPTIMIZERS, *ABLATIONS)})
