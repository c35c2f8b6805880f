"""This process's CoreNEURON: the library of one model, switched on for single simulations."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from neurofit.errors import MechanismError
from neurofit.problem.protocol import Chirp, Noise, Ramp, Recording, Step, Stimulus
from neurofit.simulate.cell import Cell
from neurofit.simulate.mechanisms import build_core
from neurofit.simulate.process import hoc

_LIBRARY = "CORENEURONLIB"
# The one library that CoreNEURON looks for in this process: like NEURON's own, it cannot be unloaded.
_bound: list[Path] = []
_WIDTH = 8  # numbers in the widest vector of any CPU (AVX-512)


def bind(mod_files: Sequence[Path]) -> Path:
    """CoreNEURON's library of `mod_files`, built where need be, for `switched_on`.

    Raises MechanismError where it cannot be built, or where this process has another: one library is all that
    CoreNEURON takes, and it is only looked for once.
    """
    library = build_core(mod_files)
    if not _bound:
        _bound.append(library)
        _load(library)
    if library not in _bound:
        raise MechanismError(
            "$.fit.engine",
            got=f"a second model for CoreNEURON in one process, after {_bound[0]}",
            expected="one: use worker processes, or engine neuron for this one",
        )
    return library


def _load(library: Path) -> None:
    """Loads it before CoreNEURON does, and undoes what fast arithmetic's start-up code does to the whole process: it
    makes numbers below 1e-308 zero in everything that runs afterwards.
    """
    c, environment = ctypes.CDLL(None), ctypes.create_string_buffer(128)  # fenv_t has 32 bytes on x86-64
    known = c.fegetenv(environment) == 0
    ctypes.CDLL(str(library), mode=os.RTLD_LAZY)
    if known:
        c.fesetenv(environment)


def takes(stimuli: Sequence[Stimulus], recordings: Sequence[Recording]) -> bool:
    """Whether CoreNEURON simulates such a sweep as NEURON does.

    It has no voltage clamp of ours, and takes events only from cells with global identifiers.
    """
    steps = all(isinstance(stimulus, Step | Ramp | Chirp | Noise) for stimulus in stimuli)
    return steps and all(recording.variable != "i_clamp" for recording in recordings)


class Padding:
    """Idle compartments behind the cells: at least one with each mechanism, and as many as make the number of its
    instances a multiple of a vector's width.

    Fast arithmetic computes in vectors, and what is left over at the end (or, where a compiler reads in steps, the last
    instance whatever their number) one by one, by another routine whose last digits differ. As only padding is left
    over, what becomes of a cell does not depend on how many others there are.
    """

    def __init__(self) -> None:
        self._sections: list[Any] = []
        self._filled: tuple[frozenset[str], ...] = ()
        self._last: Cell | None = None

    def fill(self, cells: Sequence[Cell]) -> None:
        """Makes what these cells need; none for none."""
        instances = Counter[str]()
        for cell in cells:
            instances.update(cell.instances)
        missing = {name: _WIDTH - count % _WIDTH for name, count in instances.items()}
        wanted = tuple(
            frozenset(name for name, few in missing.items() if few > k) for k in range(max(missing.values(), default=0))
        )
        last = cells[-1] if cells else None
        if wanted == self._filled and last is self._last:
            return  # still behind the cells: one made since would be behind the padding
        h, self._last = hoc(), last
        for section in self._sections:
            h.delete_section(sec=section)
        self._sections, self._filled = [h.Section(name=f"padding[{k}]") for k in range(len(wanted))], wanted
        for section, names in zip(self._sections, wanted, strict=True):
            for name in sorted(names):
                section.insert(name)


@contextlib.contextmanager
def switched_on(library: Path) -> Iterator[None]:
    """`pc.psolve` runs in CoreNEURON within, with the mechanisms of `library`."""
    hoc()
    from neuron import coreneuron as switch

    coreneuron: Any = switch  # NEURON puts an object with settings in the module's place
    before = os.environ.get(_LIBRARY)
    # Only here: a child of this process may be for another model.
    os.environ[_LIBRARY] = str(library)
    coreneuron.verbose = 0
    coreneuron.enable = True
    try:
        yield
    finally:
        coreneuron.enable = False
        if before is None:
            del os.environ[_LIBRARY]
        else:
            os.environ[_LIBRARY] = before
