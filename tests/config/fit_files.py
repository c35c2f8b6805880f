"""A small fit file that the config tests change one line at a time, and helpers that write and load it."""

from __future__ import annotations

from pathlib import Path

from neurofit.config import load
from neurofit.problem.problem import Problem

BALL: str = """\
neurofit: 1
name: ball
model:
  morphology:
    sections:
      soma: {L: 20 um, diam: 20 um}
      dend: {L: 100 um, diam: 2 um, parent: soma(1), nseg: 5}
  mechanisms: {all: [pas], soma: [hh]}
  conditions: {celsius: 6.3 degC}
  distributions: {decay: "{value} * exp(-{distance} / {reach})"}
  parameters:
    all.Ra: 100 ohm cm
    reach: {value: 50, unit: um}
    dend.g_pas: {value: 1e-4, distribution: decay}
parameters:
  soma.gnabar_hh: [0.05, 0.3]
  soma.gkbar_hh: [10 mS/cm2, 0.2]
  soma.gl_hh: {bounds: [1e-5, 1e-3], scale: log}
protocols:
  rheo: {use: rheobase}
  hold: {search: holding, target: -70 mV}
  fi: {stimuli: [{kind: step, delay: 100, duration: 0.2 s}], amps: [50 pA, 0.1, 1.5 * rheo], holding: hold}
  rest: {duration: 500 ms, record: {soma.v: soma(0.5).v, dend1.v: dend(60 um).v}}
objectives:
  rate: {feature: mean_frequency, protocol: fi, means: [10, 20, 30 Hz], std: 2}
  rest: {feature: mean_value, protocol: rest, target: [-66 mV, -64]}
rules:
  silent: spike_count(rest) == 0
  rising: increasing(mean_frequency(fi))
fit: {optimizer: random, budget: 50}
"""

AMPS = "[50 pA, 0.1, 1.5 * rheo]"  # of its protocol fi


def write(folder: Path, text: str = BALL, name: str = "ball.yaml") -> Path:
    """The file that holds `text`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def changed(old: str, new: str, text: str = BALL) -> str:
    """`text` with `old`, which must be there just once, replaced."""
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)


def ball(folder: Path, *changes: tuple[str, str]) -> Problem:
    """The problem of BALL with each (old, new) applied."""
    text = BALL
    for old, new in changes:
        text = changed(old, new, text)
    return load(write(folder, text))


def warned(folder: Path, *changes: tuple[str, str]) -> list[str]:
    """What is warned of with the changes, but for protocols that nothing uses; of BALL without them it is nothing."""
    assert ball(folder / "without").warnings == ()
    return [w for w in ball(folder / "with", *changes).warnings if "no objective, rule or protocol uses" not in w]
