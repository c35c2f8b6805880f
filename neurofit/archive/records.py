"""What an archive holds, as plain data, and how each piece becomes the bytes of a journal record and back."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from neurofit.archive.journal import Record
from neurofit.errors import ArchiveError
from neurofit.front import nondominated
from neurofit.problem.evaluation import Evaluation
from neurofit.problem.problem import FitSettings

FORMAT = 1
GIVEN = -1  # the batch of evaluations that were there before the first ask: another run's, scored anew
_LENGTH = struct.Struct("<I")


class Kind(IntEnum):
    """Of a journal record; the numbers are part of the format."""

    ASKED = 1
    EVALUATED = 2
    SPENT = 3
    BUDGET = 4
    ENDED = 5
    RENEWED = 6
    SETTLED = 7
    CONFIRMED = 8


@dataclass(frozen=True, slots=True)
class Header:
    """What does not change over a run: enough to read the archive without neurofit, or without the model's files.

    `parameters` and `features` are (name, unit) pairs; `rules` (name, text) pairs; `reference` the hypervolume's, in
    std; `settings` the fit's settings at the start as JSON; `versions` and `file_hashes` (name, value) pairs; `labels`
    (parameter, names of its choices 0, 1, ...) where a parameter's choices have names.
    """

    uuid: str
    created: str
    name: str
    identity: str
    text: str
    parameters: tuple[tuple[str, str], ...]
    features: tuple[tuple[str, str], ...]
    objectives: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    reference: tuple[float, ...]
    settings: str
    versions: tuple[tuple[str, str], ...]
    file_hashes: tuple[tuple[str, str], ...]
    format: int = FORMAT
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def given(self, x: np.ndarray) -> tuple[float | str, ...]:
        """The values `x` (d,) of the parameters as tables show them: a label where a choice has one."""
        labels = dict(self.labels)
        pairs = zip(self.parameters, x.tolist(), strict=True)
        return tuple(labels[name][round(value)] if name in labels else value for (name, _), value in pairs)

    @property
    def fit(self) -> FitSettings:
        """The fit's settings at the start; those that were not known then have their defaults."""
        found = json.loads(self.settings)
        return FitSettings(**found | {name: tuple(found.get(name, ())) for name in ("warm_start", "without")})


@dataclass(frozen=True, slots=True)
class Batch:
    """One ask: the numbers (n,) and parameter values (n, d) of its candidates."""

    number: int
    indexes: np.ndarray
    x: np.ndarray


@dataclass(frozen=True, slots=True)
class Row:
    """An evaluation and the batch it was asked in."""

    evaluation: Evaluation
    batch: int


@dataclass(slots=True)
class Contents:
    """All that an archive holds; `sequence` is the last journal record that is in it.

    rows      by the candidate's number        asked   in order
    seconds   "optimizer" and "idle" [s], summed over all sessions
    budget    evaluations wanted last          ended   why the run is over, "" while it is not
    renewed   evaluations of this run's own asks after which its patience began anew
    warm      evaluations of other runs that the optimizer knows, as this problem scores them: no part of the run
    settled   what simulates the run: "engine", "copies", "share", "why"; {} before it is known, or where nothing does
    origin    the directory of the run that the rows that were given were scored anew from; "" where none were
    confirmed what rows of the front come to at a finer time step, or in repeats, by the candidate's number
    """

    header: Header
    rows: dict[int, Row] = field(default_factory=dict)
    asked: list[Batch] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"optimizer": 0.0, "idle": 0.0})
    budget: int = 0
    ended: str = ""
    sequence: int = 0
    renewed: int = 0
    warm: tuple[Evaluation, ...] = ()
    origin: str = ""
    settled: dict[str, str | int] = field(default_factory=dict)
    confirmed: dict[int, Evaluation] = field(default_factory=dict)

    def apply(self, record: Record) -> None:
        """Takes up one journal record; those that are already in are passed over."""
        if record.sequence <= self.sequence:
            return
        match record.kind:
            case Kind.ASKED:
                self.asked.append(decode_batch(record.payload, len(self.header.parameters)))
                self.ended = ""
            case Kind.EVALUATED:
                row = decode_row(record.payload, self.header)
                self.rows[row.evaluation.index] = row
            case Kind.SPENT:
                for name, value in json.loads(record.payload).items():
                    self.seconds[name] = self.seconds.get(name, 0.0) + value
            case Kind.BUDGET:
                self.budget = int(json.loads(record.payload))
            case Kind.ENDED:
                self.ended = str(json.loads(record.payload))
            case Kind.RENEWED:
                self.renewed = int(json.loads(record.payload))
            case Kind.SETTLED:
                self.settled = json.loads(record.payload)
            case Kind.CONFIRMED:
                row = decode_row(record.payload, self.header)
                self.confirmed[row.evaluation.index] = row.evaluation
            case _:
                raise ArchiveError(
                    f"the journal holds a record of kind {record.kind}, from a newer neurofit; use that one to go on"
                )
        self.sequence = record.sequence

    @property
    def evaluations(self) -> list[Evaluation]:
        """Finished evaluations, in order of their numbers."""
        return [self.rows[i].evaluation for i in sorted(self.rows)]

    @property
    def reported(self) -> list[Evaluation]:
        """The same, with what the front came to at a finer time step, or in repeats, in place of what the search saw.

        Only what is on the front then counts, whatever else was confirmed at an earlier end of the run; what could not
        be simulated at the finer step stays as it was.
        """
        rows = {i: self.rows[i].evaluation for i in sorted(self.rows)}
        finer = {i: e for i, e in self.confirmed.items() if e.status == "ok"}
        while finer:
            found = [e.index for e in front_of(rows.values()) if e.index in finer]
            if not found:
                break
            rows |= {i: finer.pop(i) for i in found}
        return list(rows.values())

    @property
    def given(self) -> list[Evaluation]:
        """Those of them that were there before the first ask."""
        return [self.rows[i].evaluation for i in sorted(self.rows) if self.rows[i].batch == GIVEN]


def front_of(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The feasible ones that no other one dominates, in their order."""
    feasible = [e for e in evaluations if e.feasible]
    if not feasible:
        return []
    return [feasible[k] for k in np.flatnonzero(nondominated(np.stack([e.objectives for e in feasible])))]


def encode_batch(batch: Batch) -> bytes:
    meta = json.dumps({"batch": batch.number, "n": len(batch.indexes)}).encode()
    return b"".join(
        (_LENGTH.pack(len(meta)), meta, batch.indexes.astype("<i8").tobytes(), batch.x.astype("<f8").tobytes())
    )


def decode_batch(payload: bytes, d: int) -> Batch:
    meta, at = _meta(payload)
    n = meta["n"]
    indexes = np.frombuffer(payload, "<i8", n, at).astype(np.int64)
    x = np.frombuffer(payload, "<f8", n * d, at + 8 * n).astype(float).reshape(n, d)
    return Batch(meta["batch"], indexes, x)


def encode_row(row: Row) -> bytes:
    e = row.evaluation
    meta = json.dumps({"index": e.index, "batch": row.batch, "status": e.status, "reason": e.reason}).encode()
    reals = np.concatenate([e.x, e.features, e.objectives, e.margins, e.seconds]).astype("<f8")
    small = np.concatenate([e.states, e.rules]).astype(np.int8)
    return b"".join((_LENGTH.pack(len(meta)), meta, reals.tobytes(), small.tobytes()))


def decode_row(payload: bytes, header: Header) -> Row:
    meta, at = _meta(payload)
    d, m, k, r = len(header.parameters), len(header.features), len(header.objectives), len(header.rules)
    reals = np.frombuffer(payload, "<f8", d + m + k + r + 2, at).astype(float)
    small = np.frombuffer(payload, np.int8, m + r, at + 8 * len(reals)).copy()
    x, features, objectives, margins, seconds = np.split(reals, np.cumsum([d, m, k, r]))
    evaluation = Evaluation(
        index=meta["index"],
        x=x,
        features=features,
        states=small[:m],
        objectives=objectives,
        rules=small[m:],
        margins=margins,
        status=meta["status"],
        reason=meta["reason"],
        seconds=(float(seconds[0]), float(seconds[1])),
    )
    return Row(evaluation, meta["batch"])


def encode_json(value: object) -> bytes:
    return json.dumps(value).encode()


def _meta(payload: bytes) -> tuple[dict, int]:
    (length,) = _LENGTH.unpack_from(payload)
    return json.loads(payload[_LENGTH.size : _LENGTH.size + length]), _LENGTH.size + length
