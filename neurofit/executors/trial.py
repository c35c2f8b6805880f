"""Settles a problem's engine, how many copies it simulates at once and whether sweeps share their beginning, by trying
it out in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import current_thread, main_thread
from typing import TypeVar

import numpy as np

from neurofit.errors import MechanismError, NeurofitError
from neurofit.evaluate.reason import one_line
from neurofit.evaluate.sharing import Shared, measure_sharing, sharing
from neurofit.evaluate.trial import WINDOW, Measured, difference, measure, taken
from neurofit.executors.environment import worker_environment
from neurofit.executors.output import Output
from neurofit.executors.settled import Settled
from neurofit.executors.worker import die_with
from neurofit.problem.problem import Problem

ENGINES = ("neuron", "coreneuron")
_GAIN = 0.98  # of the CPU: what costs no less is not worth it
EQUAL = 1e-6  # mV
_ENTRY = "import sys; sys.path[:] = sys.argv[3:]; from neurofit.executors.trial import main; main()"
_SLOW, _NOTICED = 3.0, 1e-3  # times the median feature's seconds a trace, and seconds a trace
_PATIENCE = 300.0  # s: both may have to be compiled

_Found = TypeVar("_Found")


def settle(problem: Problem) -> Settled:
    """Tries out what `fit.engine` and `fit.share` leave open of a cell with protocols.

    Raises MechanismError where NEURON's mechanisms, or those of the engine that the problem insists on, cannot be had.
    """
    found, wanted = _engine(problem), problem.fit.share
    if wanted is False or (wanted is None and not (found.lasting and sharing(problem))):
        return found
    if wanted:
        return replace(found, share=True, why=f"{found.why}; sweeps share their beginnings, as asked")
    tried = _tried(found.put(problem), {"sharing": measure_sharing})["sharing"]
    if isinstance(tried, NeurofitError):
        return replace(found, why=f"{found.why}; the trial of beginnings failed: {_in_short(tried)}", lasting=False)
    share = tried.same and tried.cost < _GAIN
    return replace(found, share=share, why=f"{found.why}; {_said(tried)}")


def _said(tried: Shared) -> str:
    if not tried.same:
        why = tried.why or "those that go on from one are not the same to the last bit"
        return f"sweeps share no beginnings, as {why}"
    if tried.cost >= _GAIN:
        return "sweeps share no beginnings, as that saves nothing"
    return f"sweeps share their beginnings, for {tried.cost:.2f} of the CPU"


def _engine(problem: Problem) -> Settled:
    wanted = problem.fit.engine
    able = any(taken(protocol) for protocol in problem.protocols)
    engines = ENGINES if wanted == "coreneuron" or (wanted == "auto" and able) else ("neuron",)
    tried = _tried(problem, {engine: partial(measure, engine=engine) for engine in engines})
    plain = tried["neuron"]
    if isinstance(plain, MechanismError):
        raise plain
    if wanted == "neuron" or not able:
        return _plain(plain, "as asked" if wanted == "neuron" else "there is nothing here that CoreNEURON takes")
    fast = tried.get("coreneuron") or NeurofitError("it gave nothing")
    if isinstance(fast, NeurofitError):
        if wanted == "coreneuron":
            raise MechanismError("$.fit.engine", got=f"coreneuron: {fast}", expected="neuron for this model, or auto")
        return replace(_plain(plain, f"CoreNEURON cannot be had: {_in_short(fast)}"), lasting=False)
    if isinstance(plain, NeurofitError):
        return _plain(plain, "")
    return _chosen(plain, fast, wanted)


def _chosen(plain: Measured, fast: Measured, wanted: str) -> Settled:
    apart, (copies, seconds) = difference(plain, fast), fast.settled
    ratio = plain.settled[1] / seconds
    near = f"within {apart:.0e} mV of it" if apart else "the same to the last digit"
    said = f"{ratio:.1f} x as fast as NEURON, {near} over {WINDOW:g} ms"
    if wanted == "coreneuron":
        return Settled("coreneuron", copies, f"as asked; {said}", slow=_slow(plain))
    if not apart <= EQUAL:
        what = "no trial succeeded" if np.isnan(apart) else f"its traces differ by {apart:.1e} mV within {WINDOW:g} ms"
        return _plain(plain, f"not CoreNEURON, as {what}")
    if not fast.steady:
        return _plain(plain, "not CoreNEURON, as its last digits depend on how many cells it simulates at once")
    if ratio < 1.0:
        return _plain(plain, f"CoreNEURON is no faster here ({said})")
    return Settled("coreneuron", copies, said, slow=_slow(plain))


def _in_short(error: NeurofitError) -> str:
    """What a compiler or NEURON said first, where it said much."""
    lines = [line.strip() for line in str(error).replace("\\n", "\n").splitlines()]
    return one_line(next((line for line in lines if "error:" in line.lower()), lines[0]))


def _plain(measured: Measured | NeurofitError, why: str) -> Settled:
    if isinstance(measured, NeurofitError):
        return Settled("neuron", 0, f"the trial failed: {_in_short(measured)}", lasting=False)
    return Settled("neuron", measured.settled[0], why, slow=_slow(measured))


def _slow(measured: Measured) -> str:
    """The features whose reading takes several times the usual, the slowest first."""
    if len(measured.features) < 3:
        return ""
    usual = float(np.median([seconds for _, seconds in measured.features]))
    slow = [(s, n) for n, s in measured.features if s > _SLOW * usual and s > _NOTICED]
    return ", ".join(f"{name} ({seconds / usual:.0f} x)" for seconds, name in sorted(slow, reverse=True))


def _tried(problem: Problem, trials: Mapping[str, Callable[[Problem], _Found]]) -> dict[str, _Found | NeurofitError]:
    """What each trial of the problem found, in one process of their own; one that took the process along has an error
    that says how.
    """
    found: dict[str, _Found | NeurofitError] = {}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        work.write_bytes(pickle.dumps((problem, dict(trials))))
        path = [entry for entry in sys.path if isinstance(entry, str)]
        ending = _run([sys.executable, "-c", _ENTRY, str(work), str(os.getpid()), *path])
        for name in trials:
            file = work.with_name(name)
            found[name] = pickle.loads(file.read_bytes()) if file.exists() else NeurofitError(one_line(ending))
    return found


def _run(command: list[str]) -> str:
    """Runs a trial to its end, which is told; its whole group ends with this, also where an exception breaks in."""
    output = Output()
    process = subprocess.Popen(
        command,
        env=worker_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=output.descriptor,
        stderr=output.descriptor,
        start_new_session=True,  # Ctrl-C is for this process alone
    )
    try:
        with _terminated():
            code = process.wait(_PATIENCE)
        line = output.last_line()
        return f"it ends its process{f': {line}' if line else f' with code {code}'}"
    except subprocess.TimeoutExpired:
        return f"it was not done with a trial after {_PATIENCE:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.close()


@contextmanager
def _terminated() -> Iterator[None]:
    """While entered, a SIGTERM that nobody listens to ends this process as an exception does, so that the trial's whole
    group and its files go too.
    """
    unheard = current_thread() is main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not unheard:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def main() -> None:
    """In the trials' process: makes each, and leaves a file of its name as soon as it knows."""
    work, parent = Path(sys.argv[1]), int(sys.argv[2])
    del sys.argv[1:]
    die_with(parent)
    problem, trials = pickle.loads(work.read_bytes())
    for name, trial in trials.items():
        try:
            result = trial(problem)
        except NeurofitError as error:
            result = error
        part = work.with_name(f"{name}.part")
        part.write_bytes(pickle.dumps(result))
        part.rename(work.with_name(name))
