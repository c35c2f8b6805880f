"""Which engine simulates a problem, and in how many copies: tried out once, and remembered beside the mechanisms."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from neurofit.config.identity import digest
from neurofit.executors.settled import Settled
from neurofit.problem.model import CellTemplate
from neurofit.problem.problem import Problem, sha256
from neurofit.simulate.mechanisms import cache_root, content_key, fast_flags

_FORMAT = 6


def settled(problem: Problem, trying: contextlib.AbstractContextManager[None] | None = None) -> Settled | None:
    """What `fit.engine` leaves open, from the cache or by a trial of some seconds, made while `trying` is entered; None
    for models without engines.

    Raises MechanismError where an engine that is needed cannot be had.
    """
    if not isinstance(problem.model, CellTemplate) or not problem.protocols:
        return None
    file = cache_root() / "engines" / f"{_key(problem)}.json"
    try:
        return Settled(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):  # none there, or not one of ours
        # It takes a second to load, and not in `trying`: what breaks in there would leave a package half imported.
        from neurofit.executors.trial import settle

        with trying or contextlib.nullcontext():
            found = settle(problem)
        if found.lasting:
            _keep(file, found)
        return found


def _keep(file: Path, found: Settled) -> None:
    with contextlib.suppress(OSError):  # then it is tried out again the next time
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(asdict(found)))
        part.rename(file)


def _key(problem: Problem) -> str:
    assert isinstance(problem.model, CellTemplate)
    mechanisms = content_key(problem.model.mod_files, fast_flags())  # more than what makes another problem
    what = (problem.model, problem.space, problem.fixed, problem.searches, problem.protocols, problem.features)
    what += (problem.fit.engine, problem.fit.share, problem.file_hashes)
    return sha256(f"{_FORMAT} {mechanisms} {digest(what)}".encode())[:24]
