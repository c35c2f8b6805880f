"""results.h5, written whole and renamed into place, so that what lies there is a closed HDF5 file at every moment.

Any HDF5 reader understands it: `/parameters`, `/features`, `/states`, `/objectives`, `/rules`, `/margins` have a row an
evaluation, in order of `/index`; their columns' names and units are in the attributes `names` and `units`. `/warm` has
the same of the other runs' evaluations that the optimizer was given. `/labels` names (as JSON) what the numbers 0, 1,
... of a parameter stand for where its choices have names.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import h5py
import numpy as np

from neurofit.archive.records import FORMAT, GIVEN, Batch, Contents, Header, Row
from neurofit.errors import ArchiveError, writing
from neurofit.problem.evaluation import Evaluation

_ANOTHER = "restore it from a copy, or give another --out directory"
_TEXT = h5py.string_dtype("utf-8")
_MEANING = {
    "parameters": "values of the free parameters, in `units`",
    "features": "values in `units`; nan where `states` is not 0",
    "states": "of the features: 0 a value, 1 undefined, 2 not run",
    "objectives": "distance to the target in standard deviations, times the weight; nan where a feature is missing",
    "rules": "verdicts: 1 true, 0 false, -1 not run",
    "margins": "signed distance to breaking the rule; nan where it has none",
    "index": "number of the candidate in the run, from 0",
    "batch": "number of the ask that the candidate came from; -1: of another run, and scored anew",
    "status": "ok, or why there is no simulation to trust: nan, error, crash, timeout",
    "reason": "a sentence where the status is not ok, or the candidate was stopped early",
    "seconds": "this candidate's share of its pack's wall-clock time",
}


def write_file(path: Path, contents: Contents) -> None:
    """Puts `contents` at `path` atomically and durably. Raises ArchiveError where the disk refuses."""
    new = path.with_name(path.name + ".tmp")
    with writing(path, "what was there before is untouched"):
        try:
            new.write_bytes(_image(contents))
            _sync(new)
            os.replace(new, path)
            _sync(path.parent)
        except OSError:
            new.unlink(missing_ok=True)  # half of a file would keep a full disk full
            raise


def _image(contents: Contents) -> bytes:
    """The file's bytes, made in memory: where a disk fills up under HDF5 itself, the process dies of it."""
    with h5py.File("image", "w", driver="core", backing_store=False) as file:
        _write_header(file, contents)
        _write_rows(file, contents.header, [contents.rows[i] for i in sorted(contents.rows)])
        _write_beside(file, contents)
        _write_asked(file, contents)
        file.flush()
        return cast(bytes, file.id.get_file_image())


def read_file(path: Path) -> Contents:
    """What `write_file` wrote. Raises ArchiveError where it is missing, closed to us, no archive, or a newer one."""
    try:
        file = h5py.File(path, "r", locking=False)
    except (FileNotFoundError, NotADirectoryError):
        raise ArchiveError(f"{path.parent} holds no run: there is no {path.name} in it") from None
    except PermissionError as error:
        raise ArchiveError(f"{path} cannot be read: {os.strerror(error.errno or errno.EACCES)}") from error
    except OSError as error:
        what = "an empty file" if path.stat().st_size == 0 else "cut short" if "truncated" in str(error) else "not HDF5"
        raise ArchiveError(f"{path} is no neurofit archive, or a damaged one ({what}); {_ANOTHER}") from error
    with file:
        if "neurofit_format" not in file.attrs:
            raise ArchiveError(f"{path} is an HDF5 file, but not a neurofit archive; {_ANOTHER}")
        found = int(cast(int, file.attrs["neurofit_format"]))
        if found > FORMAT:
            raise ArchiveError(f"{path} has format {found}; this neurofit reads up to {FORMAT}: install a newer one")
        try:
            contents = _read_header(file)
            contents.rows.update({row.evaluation.index: row for row in _read_rows(file)})
            contents.warm = _read_beside(file, "warm")
            contents.confirmed = {e.index: e for e in _read_beside(file, "confirmed")}
            _read_asked(file, contents)
        except (KeyError, ValueError) as error:
            raise ArchiveError(f"{path} is damaged: {error}") from error
    return contents


def _write_header(file: h5py.File, contents: Contents) -> None:
    header = contents.header
    file.attrs["neurofit_format"] = header.format
    for name in ("uuid", "created", "name", "identity", "settings"):
        file.attrs[name] = getattr(header, name)
    file.attrs["reference"] = np.asarray(header.reference, float)
    file.attrs["journal_sequence"] = contents.sequence
    file.attrs["budget"] = contents.budget
    file.attrs["ended"] = contents.ended
    file.attrs["renewed"] = contents.renewed
    file.attrs["origin"] = contents.origin
    file.attrs["settled"] = json.dumps(contents.settled)
    for name, value in contents.seconds.items():
        file.attrs[f"seconds_{name}"] = value
    # datasets, since an attribute may not be longer than 64 KiB
    file.create_dataset("problem", data=header.text, dtype=_TEXT)
    for name, pairs in (
        ("versions", header.versions),
        ("file_hashes", header.file_hashes),
        ("labels", header.labels),
    ):
        file.create_dataset(name, data=json.dumps(dict(pairs), indent=1), dtype=_TEXT)


def _read_header(file: h5py.File) -> Contents:
    attrs = file.attrs
    header = Header(
        uuid=_str(attrs["uuid"]),
        created=_str(attrs["created"]),
        name=_str(attrs["name"]),
        identity=_str(attrs["identity"]),
        settings=_str(attrs["settings"]),
        versions=tuple(json.loads(_scalar(file, "versions")).items()),
        file_hashes=tuple(json.loads(_scalar(file, "file_hashes")).items()),
        text=_scalar(file, "problem"),
        parameters=_columns(file, "parameters"),
        features=_columns(file, "features"),
        objectives=tuple(name for name, _ in _columns(file, "objectives")),
        rules=_columns(file, "rules", "texts"),
        reference=tuple(float(v) for v in np.asarray(attrs["reference"])),
        format=int(cast(int, attrs["neurofit_format"])),
        # archives from before there were categorical parameters have none
        labels=tuple(
            (n, tuple(v)) for n, v in json.loads(_scalar(file, "labels") if "labels" in file else "{}").items()
        ),
    )
    return Contents(
        header,
        seconds={n.removeprefix("seconds_"): float(cast(float, attrs[n])) for n in attrs if n.startswith("seconds_")},
        budget=int(cast(int, attrs["budget"])),
        ended=_str(attrs["ended"]),
        sequence=int(cast(int, attrs["journal_sequence"])),
        renewed=int(cast(int, attrs.get("renewed", 0))),
        origin=_str(attrs.get("origin", "")),
        settled=json.loads(_str(attrs.get("settled", "{}"))),
    )


def _write_rows(file: h5py.Group, header: Header, rows: Sequence[Row]) -> None:
    evaluations = [row.evaluation for row in rows]
    objectives, rules = tuple((name, "std") for name in header.objectives), tuple((n, "") for n, _ in header.rules)
    margins = tuple((n, "") for n, _ in header.rules)
    for name, columns, kind in (
        ("parameters", header.parameters, "<f8"),
        ("features", header.features, "<f8"),
        ("states", header.features, "i1"),
        ("objectives", objectives, "<f8"),
        ("rules", rules, "i1"),
        ("margins", margins, "<f8"),
    ):
        field = "x" if name == "parameters" else name
        data = np.array([getattr(e, field) for e in evaluations], kind).reshape(len(rows), len(columns))
        made = _dataset(file, name, data)
        made.attrs["names"] = np.array([n for n, _ in columns], dtype=_TEXT)
        if name in ("parameters", "features", "objectives"):
            made.attrs["units"] = np.array([u for _, u in columns], dtype=_TEXT)
    file["rules"].attrs["texts"] = np.array([text for _, text in header.rules], dtype=_TEXT)
    _dataset(file, "index", np.array([e.index for e in evaluations], "<i8"))
    _dataset(file, "batch", np.array([row.batch for row in rows], "<i8"))
    _dataset(file, "status", np.array([e.status for e in evaluations], dtype=_TEXT))
    _dataset(file, "reason", np.array([e.reason for e in evaluations], dtype=_TEXT))
    seconds = _dataset(file, "seconds", np.array([e.seconds for e in evaluations], "<f8").reshape(len(rows), 2))
    seconds.attrs["names"] = np.array(["simulate", "features"], dtype=_TEXT)
    seconds.attrs["units"] = np.array(["s", "s"], dtype=_TEXT)


def _write_beside(file: h5py.File, contents: Contents) -> None:
    """Evaluations that are not rows of the run."""
    for name, meaning, evaluations in (
        ("warm", "evaluations of other runs that the optimizer knows, as this problem scores them", contents.warm),
        ("confirmed", "what rows of the front come to at a finer time step", contents.confirmed.values()),
    ):
        group = file.create_group(name)
        group.attrs["meaning"] = meaning
        _write_rows(group, contents.header, [Row(e, GIVEN) for e in evaluations])


def _read_beside(file: h5py.File, name: str) -> tuple[Evaluation, ...]:
    # older archives have none
    return tuple(row.evaluation for row in _read_rows(cast(h5py.Group, file[name]))) if name in file else ()


def _read_rows(file: h5py.Group) -> Iterator[Row]:
    wanted = ("index", "parameters", "features", "states", "objectives", "rules", "margins", "seconds", "batch")
    data = {name: _array(file, name) for name in wanted}
    status, reason = (cast(h5py.Dataset, file[name]).asstr()[()] for name in ("status", "reason"))
    for i, index in enumerate(data["index"]):
        evaluation = Evaluation(
            index=int(index),
            x=data["parameters"][i].copy(),
            features=data["features"][i].copy(),
            states=data["states"][i].copy(),
            objectives=data["objectives"][i].copy(),
            rules=data["rules"][i].copy(),
            margins=data["margins"][i].copy(),
            status=status[i],
            reason=reason[i],
            seconds=(float(data["seconds"][i, 0]), float(data["seconds"][i, 1])),
        )
        yield Row(evaluation, int(data["batch"][i]))


def _write_asked(file: h5py.File, contents: Contents) -> None:
    group = file.create_group("asked")
    group.attrs["meaning"] = "every candidate that was asked for, finished or not"
    asked, d = contents.asked, len(contents.header.parameters)
    numbers = [np.full(len(b.indexes), b.number, "<i8") for b in asked]
    group.create_dataset("batch", data=np.concatenate([np.zeros(0, "<i8"), *numbers]))
    group.create_dataset("index", data=np.concatenate([np.zeros(0, "<i8"), *(b.indexes for b in asked)]))
    group.create_dataset("parameters", data=np.concatenate([np.zeros((0, d)), *(b.x for b in asked)]))


def _read_asked(file: h5py.File, contents: Contents) -> None:
    batch, index, x = (_array(file, f"asked/{name}") for name in ("batch", "index", "parameters"))
    for number in np.unique(batch):
        of_batch = batch == number
        contents.asked.append(Batch(int(number), index[of_batch].astype(np.int64), x[of_batch].astype(float)))


def _dataset(file: h5py.Group, name: str, data: np.ndarray) -> h5py.Dataset:
    made = file.create_dataset(name, data=data, dtype=_TEXT if data.dtype.kind == "O" else None)
    made.attrs["meaning"] = _MEANING[name]
    return made


def _array(file: h5py.Group, name: str) -> np.ndarray:
    return np.asarray(cast(h5py.Dataset, file[name])[()])


def _columns(file: h5py.File, name: str, second: str = "units") -> tuple[tuple[str, str], ...]:
    attrs = file[name].attrs
    names, others = np.asarray(attrs["names"]), np.asarray(attrs[second])
    return tuple((_str(name), _str(other)) for name, other in zip(names, others, strict=True))


def _scalar(file: h5py.File, name: str) -> str:
    return _str(cast(h5py.Dataset, file[name])[()])


def _str(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
