"""Turns a fit file into a Problem: reads, checks, builds, and keeps what makes it the same problem again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from neurofit.config import (
    application,
    doubts,
    identity,
    model,
    network,
    network_limits,
    network_protocols,
    network_steps,
    protocols,
    resolved,
    rule_doubts,
    rules,
    sweep_doubts,
    targets,
)
from neurofit.config import columns as columns_module
from neurofit.config.columns import Columns
from neurofit.config.document import Document, read
from neurofit.config.efel_settings import settings
from neurofit.config.inline import inline
from neurofit.config.knob import Knob
from neurofit.config.model import Built
from neurofit.config.overrides import NO_CHANGES
from neurofit.config.schema.base import check_name
from neurofit.config.schema.fit import FitFile, FitSpec
from neurofit.config.schema.model import CellSpec, FunctionSpec
from neurofit.config.schema.network import NetworkSpec
from neurofit.config.validate import validated
from neurofit.errors import ConfigError
from neurofit.problem.model import CellTemplate
from neurofit.problem.network import NetworkTemplate
from neurofit.problem.objective import Objective
from neurofit.problem.problem import FitSettings, Problem
from neurofit.problem.rule import Rule
from neurofit.problem.space import Parameter, Space

STAGES = "stages"  # the key that makes a file one of several problems


def load(path: str | Path, overrides: Mapping[str, str] = NO_CHANGES) -> Problem:
    """The Problem that the fit file at `path` describes, with `overrides` (dotted key: YAML value) applied.

    Raises ConfigError with file, line, what was found and what is expected. Nothing is simulated, compiled or imported.
    """
    document = read(Path(path))
    if STAGES in document.data:
        expected = "a file of one problem here: `neurofit fit` and `neurofit check` take files of stages"
        raise document.locate(ConfigError(f"$.{STAGES}", got=STAGES, expected=expected))
    inline(document, overrides)
    return built(document)


def built(document: Document) -> Problem:
    """The Problem of a document that is complete (`inline`); raises ConfigError as `load` does."""
    fit = validated(document, FitFile)
    try:
        return _problem(fit, document)
    except ConfigError as error:
        raise document.locate(error) from error


def knobs(document: Document) -> dict[str, Knob]:
    """The parameters, by name, of the problem in a complete document, of which none need be free."""
    fit = validated(document, FitFile)
    try:
        return {knob.model.name: knob for knob in _model(fit).knobs}
    except ConfigError as error:
        raise document.locate(error) from error


def _problem(fit: FitFile, document: Document) -> Problem:
    _names(fit)
    made = _model(fit)
    free = {k.free.name: k.free for k in made.knobs if k.free is not None}
    if not free:
        raise ConfigError(
            "$.parameters", got="no bounds", expected="at least one free parameter: NAME: [low, high], or choices"
        )
    if not fit.objectives and not fit.rules:
        raise ConfigError("$.objectives", got="no objective and no rule", expected="something to fit: one of them")
    if isinstance(made.model, NetworkTemplate):
        done = network_protocols.build(fit.protocols, made.model, made.knobs)
    else:
        done = protocols.build(fit.protocols, made.places, made.variables)
    columns = Columns(
        done,
        plain=isinstance(fit.model, FunctionSpec),
        network=isinstance(fit.model, NetworkSpec),
        settings=settings(fit.efel, "$.efel"),
        units=columns_module.recorded_units(done, made.variables),
    )
    objectives = targets.build(fit.objectives, columns)
    ruled = rules.build(fit.rules, columns)
    problem = Problem(
        name=fit.name or document.file.stem,
        model=made.model,
        space=Space(tuple(free[name] for name in fit.parameters if name in free)),
        fixed=tuple((k.model.name, k.model.value) for k in made.knobs if k.free is None and k.model.value is not None),
        searches=done.searches,
        protocols=done.protocols,
        features=tuple(columns.features),
        objectives=objectives,
        rules=ruled,
        fit=_settings(fit.fit),
        reference=targets.reference(fit.reference, tuple(fit.objectives)),
        warnings=_warnings(fit, made, free, columns, objectives, ruled),
        file_hashes=tuple((f.name, identity.content_hash(f)) for f in made.files),
    )
    return identity.sealed(problem, resolved.text(fit, problem))


def _model(fit: FitFile) -> Built:
    if isinstance(fit.model, NetworkSpec):
        if fit.efel:
            raise ConfigError(
                "$.efel", got=", ".join(fit.efel), expected="no eFEL settings: a network's spikes are read"
            )
        return network.build(fit.model, fit.parameters, fit.cells, fit.conditions)
    if fit.cells:
        raise ConfigError("$.cells", got=", ".join(fit.cells), expected="no cells: only a network has populations")
    if isinstance(fit.model, CellSpec):
        return model.cell(fit.model, fit.parameters, fit.conditions)
    assert isinstance(fit.model, FunctionSpec)  # a name was replaced by what it names
    if fit.protocols:
        raise ConfigError(
            "$.protocols", got=", ".join(fit.protocols), expected="no protocols: a function model has none"
        )
    if fit.conditions.model_fields_set:
        raise ConfigError("$.conditions", expected="no conditions: a function model has none")
    return model.function(fit.model, fit.parameters)


def _names(fit: FitFile) -> None:
    """Raises ConfigError for a name of what becomes a column of tables that cannot be one."""
    named = [(f"$.{kind}", getattr(fit, kind)) for kind in ("parameters", "objectives", "rules")]
    if not isinstance(fit.model, str):
        named.append(("$.model.parameters", fit.model.parameters))
    for path, names in named:
        for name in names:
            check_name(name, f"{path}.{name}")


def _settings(spec: FitSpec) -> FitSettings:
    if spec.optimizer == "grid" and spec.points_per_axis is not None and spec.points_per_axis < 2:
        raise ConfigError("$.fit.points_per_axis", got=spec.points_per_axis, expected="at least 2 points")
    return FitSettings(
        optimizer=spec.optimizer,
        budget=spec.budget,
        batch=spec.batch,
        initial=None if spec.initial == "auto" else spec.initial,
        seed=spec.seed,
        workers=0 if spec.workers == "auto" else spec.workers,
        timeout=spec.timeout,
        early_stop=spec.early_stop,
        pack=None if spec.pack == "auto" else spec.pack,
        engine=spec.engine,
        share=None if spec.share == "auto" else spec.share,
        lag=spec.lag,
        confirm=spec.confirm,
        points_per_axis=spec.points_per_axis,
        design=spec.design,
        surrogate=spec.surrogate,
        sensitive_steps=spec.sensitive_steps,
        without=tuple(sorted(set(spec.without))),
        patience=spec.patience,
        good_enough=spec.good_enough,
        ranks_per_evaluation=spec.ranks_per_evaluation,
        warm_start=(spec.warm_start,) if isinstance(spec.warm_start, str) else tuple(spec.warm_start or ()),
    )


def _warnings(
    fit: FitFile,
    made: Built,
    free: Mapping[str, Parameter],
    columns: Columns,
    objectives: Sequence[Objective],
    ruled: Sequence[Rule],
) -> tuple[str, ...]:
    """What is no error, and most likely not meant, in sentences."""
    said = [knob.warning for knob in made.knobs if knob.warning]
    protocols = columns.protocols.protocols
    said += [*doubts.knobs(made.knobs, made.model), *_hidden(made, free, fit.parameters), *_unused(fit, columns)]
    said += [*doubts.currents(protocols), *doubts.targets(objectives, columns.features)]
    said += [*sweep_doubts.cut(protocols), *rule_doubts.order(protocols, ruled, columns.features)]
    said += rule_doubts.vain(protocols, ruled, columns.features)
    said += [*doubts.thresholds(columns.features), *doubts.scores(fit), *doubts.settings(fit.fit, made.model)]
    cells = [p.cell for p in made.model.populations] if isinstance(made.model, NetworkTemplate) else [made.model]
    said += dict.fromkeys(one for cell in cells if isinstance(cell, CellTemplate) for one in doubts.lists(cell))
    if isinstance(made.model, NetworkTemplate):
        said += network_limits.check(made.model, made.knobs, protocols)
        said += doubts.of_networks(protocols, made.knobs)
        said += network_steps.warnings(made.model, protocols, fit.fit.confirm)
    else:
        said += sweep_doubts.never(protocols, columns.features)
    if isinstance(made.model, CellTemplate):
        said += doubts.temperature(made.model, protocols)
        said += sweep_doubts.magnitudes(protocols, columns.protocols.searches, made.model.conditions)
    return tuple(said)


def _hidden(built: Built, free: Collection[str], own: Collection[str]) -> list[str]:
    """A warning for each free parameter that more special ones overwrite everywhere, and for each two that set the same
    there, of which only the later one counts; parameters that are `free`, and all `own` ones of the fit file.
    """
    if not isinstance(built.model, CellTemplate):
        return []
    names = application.shadowed(built.model.parameters, built.places)
    twice = [
        (earlier, f"{earlier}: has no effect on {what}, as {later} sets it later")
        for what, earlier, later in application.twice(built.model.parameters)
        if earlier in own
    ]
    told = {name for name, _ in twice}
    return [sentence for _, sentence in twice] + [
        f"{name}: has no effect, as parameters of more special places set the same everywhere"
        for name in names
        if name in free and name not in told
    ]


def _unused(fit: FitFile, columns: Columns) -> list[str]:
    """A warning for each protocol that costs simulations and gives nothing."""
    used = {f.protocol for f in columns.features}
    for item in (*columns.protocols.protocols, *columns.protocols.searches):
        used |= set(item.needs)
    return [f"protocol {name}: no objective, rule or protocol uses it" for name in fit.protocols if name not in used]
