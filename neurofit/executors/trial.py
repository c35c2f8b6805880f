"""Settles a problem's engine and how many copies it simulates at once, by trying both out in a process of their own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neurofit.errors import MechanismError, NeurofitError
from neurofit.evaluate.reason import one_line
from neurofit.evaluate.trial import WINDOW, Measured, difference, measure
from neurofit.executors.environment import worker_environment
from neurofit.problem.model import CellTemplate
from neurofit.problem.problem import Problem

ENGINES = ("neuron", "coreneuron")
EQUAL = 1e-6  # mV
_ENTRY = "import sys; sys.path[:] = sys.argv[2:]; from neurofit.executors.trial import main; main()"
_SLOW, _NOTICED = 3.0, 1e-3  # times the median feature's seconds a trace, and seconds a trace
_PATIENCE = 900.0  # s: both may have to be compiled


@dataclass(frozen=True, slots=True)
class Settled:
    """What a problem is simulated with: the engine, the copies in one simulation, and a sentence that says why.

    `slow` names features that take much longer to read than the others do, "" where none does.
    """

    engine: str
    copies: int
    why: str
    slow: str = ""

    def put(self, problem: Problem) -> Problem:
        """The problem, to be evaluated this way."""
        return replace(problem, fit=replace(problem.fit, engine=self.engine, copies=self.copies))


def settle(problem: Problem) -> Settled | None:
    """Tries out what `fit.engine` leaves open; None for models that no engine simulates.

    Raises MechanismError where NEURON's mechanisms, or those of the engine that the problem insists on, cannot be had.
    """
    if not isinstance(problem.model, CellTemplate) or not problem.protocols:
        return None
    wanted = problem.fit.engine
    tried = _tried(problem, ("neuron",) if wanted == "neuron" else ENGINES)
    plain = tried["neuron"]
    if isinstance(plain, NeurofitError):
        raise plain
    if wanted == "neuron":
        return _plain(plain, "as asked")
    fast = tried.get("coreneuron") or NeurofitError("it gave nothing")
    if isinstance(fast, NeurofitError):
        if wanted == "coreneuron":
            raise MechanismError("$.fit.engine", got=f"coreneuron: {fast}", expected="neuron for this model, or auto")
        return _plain(plain, f"CoreNEURON cannot be had: {one_line(str(fast))}")
    apart, (copies, seconds) = difference(plain, fast), fast.settled
    ratio = plain.settled[1] / seconds
    said = f"{ratio:.1f} x as fast as NEURON, within {apart:.0e} mV of it over {WINDOW:g} ms"
    if wanted == "coreneuron":
        return Settled("coreneuron", copies, f"as asked; {said}", _slow(plain))
    if not apart <= EQUAL:
        what = "no trial succeeded" if np.isnan(apart) else f"its traces differ by {apart:.1e} mV within {WINDOW:g} ms"
        return _plain(plain, f"not CoreNEURON, as {what}")
    if not fast.steady:
        return _plain(plain, "not CoreNEURON, as its last digits depend on how many cells it simulates at once")
    if ratio < 1.0:
        return _plain(plain, f"CoreNEURON is no faster here ({said})")
    return Settled("coreneuron", copies, said, _slow(plain))


def _plain(measured: Measured, why: str) -> Settled:
    return Settled("neuron", measured.settled[0], why, _slow(measured))


def _slow(measured: Measured) -> str:
    """The features whose reading takes several times the usual, the slowest first."""
    if len(measured.features) < 3:
        return ""
    usual = float(np.median([seconds for _, seconds in measured.features]))
    slow = [(s, n) for n, s in measured.features if s > _SLOW * usual and s > _NOTICED]
    return ", ".join(f"{name} ({seconds / usual:.0f} x)" for seconds, name in sorted(slow, reverse=True))


def _tried(problem: Problem, engines: tuple[str, ...]) -> dict[str, Measured | NeurofitError]:
    """What became of each engine; one that took its process along has an error that says how."""
    found: dict[str, Measured | NeurofitError] = {}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        work.write_bytes(pickle.dumps((problem, engines)))
        path = [entry for entry in sys.path if isinstance(entry, str)]
        try:
            done = subprocess.run(
                [sys.executable, "-c", _ENTRY, str(work), *path],
                env=worker_environment(os.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
            )
            words = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
            ending = f"it ends its process{f': {words[-1]}' if words else f' with code {done.returncode}'}"
        except subprocess.TimeoutExpired:
            ending = f"it was not done with a trial after {_PATIENCE:g} s"
        for engine in engines:
            file = work.with_name(engine)
            found[engine] = pickle.loads(file.read_bytes()) if file.exists() else NeurofitError(one_line(ending))
    return found


def main() -> None:
    """In the trial's process: measures each engine, and leaves a file of its name as soon as it knows."""
    work = Path(sys.argv[1])
    del sys.argv[1:]
    problem, engines = pickle.loads(work.read_bytes())
    for engine in engines:
        try:
            result: Measured | NeurofitError = measure(problem, engine)
        except NeurofitError as error:
            result = error
        part = work.with_name(f"{engine}.part")
        part.write_bytes(pickle.dumps(result))
        part.rename(work.with_name(engine))
