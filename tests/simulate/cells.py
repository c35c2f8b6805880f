"""Cell templates and jobs for the simulator's tests, made without the YAML layer."""

from __future__ import annotations

from neurofit.problem.model import Assignment, CellTemplate, ModelParameter, Morphology, SectionSpec
from neurofit.problem.protocol import Conditions, Protocol, Recording, Step, Stimulus, Sweep
from neurofit.simulate.engine import Job


def knob(where: str, variable: str, value: float, unit: str = "") -> ModelParameter:
    return ModelParameter(f"{where}.{variable}", unit, value, (Assignment(where, variable),))


def defaults(template: CellTemplate) -> dict[str, float]:
    return {p.name: float(p.value or 0.0) for p in template.parameters}


def passive_ball(g_pas: float = 1e-4, cm: float = 1.0) -> CellTemplate:
    """One isopotential compartment, 20 x 20 um: area 400 pi um2."""
    return CellTemplate(
        name="ball",
        morphology=Morphology(sections=(SectionSpec("soma", 20.0, 20.0, lists=("somatic",)),)),
        mechanisms=(("all", ("pas",)),),
        parameters=(knob("soma", "g_pas", g_pas), knob("soma", "e_pas", -70.0), knob("soma", "cm", cm)),
        conditions=Conditions(celsius=6.3, v_init=-70.0),
    )


def hh_ball() -> CellTemplate:
    return CellTemplate(
        name="hh",
        morphology=Morphology(sections=(SectionSpec("soma", 20.0, 20.0, lists=("somatic",)),)),
        mechanisms=(("all", ("hh",)),),
        parameters=(knob("soma", "gnabar_hh", 0.12), knob("soma", "gkbar_hh", 0.036), knob("soma", "gl_hh", 3e-4)),
        conditions=Conditions(celsius=6.3, v_init=-65.0),
    )


def passive_cable(segments: int = 101) -> CellTemplate:
    """A sealed cable of one electrotonic length on a negligible soma."""
    return CellTemplate(
        name="cable",
        morphology=Morphology(
            sections=(
                SectionSpec("soma", 1.0, 1.0, lists=("somatic",)),
                SectionSpec("dend", 500.0, 1.0, nseg=segments, parent="soma", lists=("basal",)),
            )
        ),
        mechanisms=(("all", ("pas",)),),
        parameters=(
            knob("all", "Ra", 100.0),
            knob("all", "g_pas", 1e-4),
            knob("all", "e_pas", 0.0),
            knob("all", "cm", 1.0),
        ),
        conditions=Conditions(celsius=6.3, v_init=0.0),
    )


def protocol(
    *stimuli: Stimulus,
    duration: float,
    recordings: tuple[Recording, ...] = (Recording("soma.v"),),
    conditions: Conditions | None = None,
    name: str = "p",
) -> Protocol:
    window = (stimuli[0].delay, stimuli[0].delay + stimuli[0].duration) if stimuli else (0.0, duration)
    return Protocol(name, (Sweep(name, stimuli, duration, window),), recordings, conditions=conditions or Conditions())


def job(template: CellTemplate, what: Protocol, row: int = 0, **values: float) -> Job:
    """A job at the template's defaults but for `values` (`soma__g_pas=...`: a dot is written as two underscores)."""
    changed = {name.replace("__", "."): value for name, value in values.items()}
    return Job(row, defaults(template) | changed, what, what.sweeps[0])


def step(amp: float, delay: float = 100.0, duration: float = 500.0) -> Step:
    return Step(amp, delay, duration)
