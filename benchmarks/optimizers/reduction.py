"""From the directory of a run to a few numbers in results.json, which stay there when the directory is gone."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.optimizers import running
from benchmarks.optimizers.cases import CASES, Case
from benchmarks.optimizers.configurations import CONFIGURATIONS, INITIAL, START, Configuration
from benchmarks.optimizers.scores import recovered, scores_of
from benchmarks.optimizers.timing import batches
from neurofit.archive import Row, exists, read
from neurofit.problem.evaluation import Evaluation

RESULTS = Path("results.json")  # relative to this folder, as the runs are
LADDER = (50, 100, 130, 150, 200, 230, 300, 400, 600, 1000, 1500, 2300, 2500, 3000)
_VERSION = 1  # of what is written here: entries of another one are made again where their runs are at hand
_GROWTH = 0.002  # of a score between two points of a curve, so that a curve is a few dozen of them
_BEGUN = 100  # proposals, two batches of 50 in whatever parts they came, after which a search should know its way

Entry = dict[str, Any]
Key = tuple[str, str, int]
_NOTE = re.compile(r"batch (\d+): (.*foretold.*)")
_PART = re.compile(r"(\d+) of (\d+) (proposals|scouts) feasible, ([\d.]+) foretold")


def key(entry: Entry) -> Key:
    """What an entry is of: problem, configuration, seed."""
    return entry["problem"], entry["configuration"], entry["seed"]


def stored() -> dict[Key, Entry]:
    """What results.json holds."""
    if not RESULTS.exists():
        return {}
    return {key(entry): entry for entry in json.loads(RESULTS.read_text(encoding="utf-8"))}


def update() -> dict[Key, Entry]:
    """Brings results.json up to date with the runs that are at hand, and gives all that it holds.

    An entry gives way to a run of the same key as soon as that has as many evaluations.
    """
    entries = stored()
    for case, configuration, seed in _at_hand():
        old = entries.get((case.name, configuration.label, seed))
        contents = read(running.directory(case, configuration, seed))
        n = len(contents.warm) + len(contents.rows)
        known = old is not None and (old["version"], old["uuid"], old["evaluations"]) == (
            _VERSION,
            contents.header.uuid,
            n,
        )
        shorter = old is not None and n < old["evaluations"]
        if n and not known and not shorter:
            entries[case.name, configuration.label, seed] = reduced(case, configuration, seed)
    _write(entries.values())
    return entries


def forget(keys: Iterable[Key]) -> None:
    """Takes entries out of results.json."""
    gone = set(keys)
    _write(entry for k, entry in stored().items() if k not in gone)


def reduced(case: Case, configuration: Configuration, seed: int) -> Entry:
    """The entry of one run; all numbers of evaluations include the initial ones and count from 1.

    ladder          by score, the score after so many evaluations
    curve           [evaluations, score] of the first score: where it has grown by 0.002, and its last growth
    first_feasible  and recovered_at: the number of the first one; None where there is none
    late            [feasible, of so many] proposals that are no scouts, after a design and the first hundred
    foretold        and foretold_scouts: [feasible, of so many, P(feasible) summed], of what the log foretold
    cpu             CPU s of the optimizer: median ask, dearest ask, and s an evaluation
    """
    directory = running.directory(case, configuration, seed)
    contents = read(directory)
    done = [*contents.warm, *contents.evaluations]
    feasible = [i + 1 for i, e in enumerate(done) if e.feasible]
    entry: Entry = {"problem": case.name, "configuration": configuration.label, "seed": seed, "version": _VERSION}
    entry |= {"uuid": contents.header.uuid, "created": contents.header.created[:10], "evaluations": len(done)}
    entry |= {"ended": contents.ended, "start": _digest(done[:INITIAL]), "feasible": len(feasible)}
    entry["first_feasible"] = feasible[0] if feasible else None
    rungs = [n for n in LADDER if n <= len(done)]
    entry["ladder"] = {}
    for score in scores_of(case):
        course = score.course(done, [*rungs, len(done)])
        entry["ladder"][score.name] = {str(n): round(float(course[n - 1]), 4) for n in rungs} | {
            "last": round(float(course[-1]), 4)
        }
        entry.setdefault("curve", _thinned(course))
    if case.recovers:
        met = [i + 1 for i, e in enumerate(done) if recovered(case.problem(), e)]
        entry["recovered_at"] = met[0] if met else None
    return entry | _promises(directory, contents.rows, configuration.alone) | _cost(directory, done)


def _at_hand() -> list[tuple[Case, Configuration, int]]:
    found = []
    for case in CASES.values():
        for configuration in CONFIGURATIONS.values():
            folder = running.directory(case, configuration, 0).parent
            seeds = sorted(int(d.name) for d in folder.glob("*") if d.name.isdigit() and exists(d))
            found += [(case, configuration, seed) for seed in seeds if configuration is not START]
    return found


def _thinned(course: np.ndarray) -> list[tuple[int, float]]:
    """The points of the curve worth keeping."""
    kept, last = [], 0.0
    for i in np.flatnonzero(np.diff(course, prepend=0.0) > 0):
        if course[i] >= last + _GROWTH or course[i] == course[-1]:
            kept.append((int(i) + 1, round(float(course[i]), 4)))
            last = course[i]
    return kept


def _promises(directory: Path, rows: Mapping[int, Row], designed: bool = False) -> Entry:
    """What the log foretold of each batch against what came of it; for those that foretell nothing, what came.

    `designed` says whether the run's first batch is its initial design.
    """
    late, said = np.zeros(2, int), {"proposals": np.zeros(3), "scouts": np.zeros(3)}
    log = directory / "log.txt"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    notes = [found for line in lines if (found := _NOTE.search(line))]
    begins: dict[int, int] = {}  # the number of each batch's first evaluation
    for number, row in sorted(rows.items()):
        begins.setdefault(row.batch, number)
    first = int(notes[0][1]) if notes else int(designed)
    begun = begins.get(first, 0) + _BEGUN
    for note in notes:
        for feasible, of, kind, foretold in _PART.findall(note[2]):
            said[kind] += (int(feasible), int(of), float(foretold))
            # A run that goes on has a note before its batch is seen to begin.
            if kind == "proposals" and begins.get(int(note[1]), -1) >= begun:
                late += (int(feasible), int(of))
    if not notes:
        own = [row.evaluation.feasible for row in rows.values() if begins[row.batch] >= begun]
        late += (sum(own), len(own))
    made: Entry = {"late": late.tolist()}
    if notes:
        made["foretold"], made["foretold_scouts"] = (np.round(said[k], 1).tolist() for k in ("proposals", "scouts"))
    return made


def _cost(directory: Path, done: Sequence[Evaluation]) -> Entry:
    made: Entry = {"simulate_s": round(float(np.mean([sum(e.seconds) for e in done])), 4)}
    spent = batches(directory)
    if spent:
        seconds = np.array([s for _, s in spent])
        made["cpu"] = [
            round(float(np.median(seconds)), 3),
            round(float(seconds.max()), 3),
            round(float(seconds.sum() / sum(n for n, _ in spent)), 4),
        ]
    return made


def _digest(start: Sequence[Evaluation]) -> str:
    """Equal for runs that begin with the same candidates."""
    return hashlib.sha256(b"".join(e.x.tobytes() for e in start)).hexdigest()[:8]


def _write(entries: Iterable[Entry]) -> None:
    """An entry a line, so that a change of one is a change of one line."""
    lines = [json.dumps(entry) for entry in sorted(entries, key=key)]
    new = RESULTS.with_name(RESULTS.name + ".tmp")
    new.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    os.replace(new, RESULTS)
