"""The same Problem for BluePyOpt: its cell, protocols and objectives, made of neurofit's, so that none can differ."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bluepyopt import ephys

from neurofit.errors import ConfigError
from neurofit.problem.model import Assignment, CellTemplate, Morphology
from neurofit.problem.problem import Problem
from neurofit.problem.protocol import Location, Protocol, Step, Sweep
from neurofit.simulate.process import hoc

# Its own default is 250 too.
WORST = 250.0


class Peer:
    """BluePyOpt's evaluator of `problem`, by CVODE or at the fixed step `dt` [ms]."""

    def __init__(self, problem: Problem, dt: float | None):
        template = problem.model
        assert isinstance(template, CellTemplate)
        hoc()  # before there is a library in the working directory: NEURON would load it on import
        if template.mod_files:
            with tempfile.TemporaryDirectory(prefix="nrnivmodl-") as work, contextlib.chdir(work):
                load_compiled(template.mod_files)
        simulator = ephys.simulators.NrnSimulator(dt=dt, cvode_active=dt is None)
        protocols = {
            _sweep_name(p, k): _protocol(p, k, sweep) for p in problem.protocols for k, sweep in enumerate(p.sweeps)
        }
        self._evaluator = ephys.evaluators.CellEvaluator(
            cell_model=_cell(problem, template),
            param_names=list(problem.space.names),
            fitness_protocols=protocols,
            fitness_calculator=ephys.objectivescalculators.ObjectivesCalculator(_objectives(problem)),
            isolate_protocols=False,
            sim=simulator,
        )

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Distances (n, targets) [std] of candidates X (n, d), in the order of the problem's objectives and targets."""
        return np.array([self._evaluator.evaluate_with_lists(x.tolist()) for x in X])


def load_compiled(mod_files: Sequence[Path]) -> None:
    """Compiles them as nrnivmodl does by default, in the working directory, and loads them.

    neurofit's library may be built for another simulator and with flags of its own choice.
    """
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}
    folders = sorted({str(f.resolve().parent) for f in mod_files})
    done = subprocess.run(["nrnivmodl", *folders], env=env, capture_output=True, text=True)
    here = Path.cwd()
    found = [*here.glob("*/libnrnmech.*"), *here.glob("*/.libs/libnrnmech.*")]
    if done.returncode or not found:
        raise ConfigError("$.mechanisms", got=done.stderr[-500:], expected="mechanisms that nrnivmodl compiles")
    hoc().nrn_load_dll(str(found[0]))


def _cell(problem: Problem, template: CellTemplate) -> ephys.models.CellModel:
    morphology = template.morphology
    if morphology is None or morphology.file is None or template.lists or morphology.axon.rule != "keep":
        raise ConfigError("$.model", got=template.name, expected="a morphology file as it is")
    return ephys.models.CellModel(
        name=problem.name,
        morph=_morphology(morphology),
        mechs=[
            ephys.mechanisms.NrnMODMechanism(name=f"{where}.{name}", suffix=name, locations=[_list(where)])
            for where, names in template.mechanisms
            for name in names
        ],
        params=_parameters(problem, template),
    )


def _morphology(morphology: Morphology) -> ephys.morphologies.NrnFileMorphology:
    if morphology.discretisation.max_length is None:
        raise ConfigError("$.model.morphology", got="d_lambda", expected="max_segment, the rule that BluePyOpt has")
    return ephys.morphologies.NrnFileMorphology(
        str(morphology.file), do_replace_axon=False, nseg_frequency=morphology.discretisation.max_length
    )


def _list(name: str) -> ephys.locations.NrnSeclistLocation:
    return ephys.locations.NrnSeclistLocation(name, seclist_name=name)


def _parameters(problem: Problem, template: CellTemplate) -> list[object]:
    """Every parameter in the template's order; uniform in its sections, and so set once a section."""
    fixed, free = dict(problem.fixed), set(problem.space.names)
    made: list[object] = []
    for parameter in template.parameters:
        if len(parameter.sets) != 1 or parameter.sets[0].expression is not None:
            raise ConfigError(f"$.parameters.{parameter.name}", got="an expression", expected="a plain assignment")
        is_free = parameter.name in free
        value = None if is_free else fixed[parameter.name]
        made.append(_parameter(parameter.name, value, parameter.sets[0]))
    conditions = template.conditions
    for name, value in (("celsius", conditions.celsius), ("v_init", conditions.v_init)):
        if value is not None:
            made.append(ephys.parameters.NrnGlobalParameter(name, value=value, frozen=True, param_name=name))
    return made


def _parameter(name: str, value: float | None, assignment: Assignment) -> object:
    return ephys.parameters.NrnSectionParameter(
        name,
        value=value,
        frozen=value is not None,
        bounds=None,
        param_name=assignment.variable,
        locations=[_list(assignment.where)],
    )


def _sweep_name(protocol: Protocol, k: int) -> str:
    return f"{protocol.name}[{k}]"


def _place(location: Location) -> ephys.locations.NrnSeclistCompLocation:
    if location.where != "soma":
        raise ConfigError("$.protocols", got=str(location), expected="the soma")
    return ephys.locations.NrnSeclistCompLocation("soma", seclist_name="somatic", sec_index=0, comp_x=location.x)


def _protocol(protocol: Protocol, k: int, sweep: Sweep) -> ephys.protocols.SweepProtocol:
    name = _sweep_name(protocol, k)
    stimuli = []
    for stimulus in sweep.stimuli:
        if not isinstance(stimulus, Step):
            raise ConfigError(f"$.protocols.{protocol.name}", got=type(stimulus).__name__, expected="a step")
        stimuli.append(
            ephys.stimuli.NrnSquarePulse(
                step_amplitude=stimulus.amp,
                step_delay=stimulus.delay,
                step_duration=stimulus.duration,
                total_duration=sweep.duration,
                location=_place(stimulus.at),
            )
        )
    recordings = [
        ephys.recordings.CompRecording(f"{name}.{r.name}", location=_place(r.at), variable=r.variable)
        for r in protocol.recordings
    ]
    return ephys.protocols.SweepProtocol(name, stimuli, recordings)


def _objectives(problem: Problem) -> list[object]:
    """An objective for each target: one feature of one sweep."""
    sweeps = {_sweep_name(p, k): s for p in problem.protocols for k, s in enumerate(p.sweeps)}
    made: list[object] = []
    for objective in problem.objectives:
        for target in objective.targets:
            feature = problem.features[target.column]
            name = f"{feature.protocol}[{feature.sweep}]"
            start, end = feature.window or sweeps[name].window
            efeature = ephys.efeatures.eFELFeature(
                feature.column,
                efel_feature_name=feature.name,
                recording_names={"": f"{name}.{feature.recording}"},
                stim_start=start,
                stim_end=end,
                exp_mean=target.low,
                exp_std=target.std,
                int_settings={"strict_stiminterval": True},
                max_score=WORST,
            )
            made.append(ephys.objectives.SingletonObjective(feature.column, efeature))
    return made
