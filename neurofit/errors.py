"""Every error a user can cause or must act on, each with where, what was found and what would be right."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Words(str):
    """What was found, described: shown without the quotes that a text of the user's is shown in."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class NeurofitError(Exception):
    """The root of neurofit's errors; `exit_code` is what the command line ends with."""

    exit_code = 1


class ConfigError(NeurofitError):
    """The input is wrong: names the place (`$.a.b`), the line, what was found and what would be right.

    `file` is set by whoever knows which file is being read (`located`).
    """

    exit_code = 2

    def __init__(
        self,
        path: str,
        *,
        expected: str,
        got: object = None,
        line: int | None = None,
        file: str | None = None,
    ):
        self.path, self.line, self.got, self.expected, self.file = path, line, got, expected, file
        super().__init__(path)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword arguments are lost in pickling otherwise, and workers send their errors to the parent.
        return _restored, (type(self), self.path, self.expected, self.got, self.line, self.file)

    def located(self, file: str, line: int | None) -> ConfigError:
        """The same error with its file and line filled in where they were missing."""
        return type(self)(
            self.path, expected=self.expected, got=self.got, line=self.line or line, file=self.file or file
        )

    def __str__(self) -> str:
        place = ", ".join(p for p in (self.file, f"line {self.line}" if self.line else None, self.path) if p)
        found = "" if self.got is None else f" found {self.got!r};"
        return f"{place}:{found} expected {self.expected}"


class MechanismError(ConfigError):
    """A .mod file does not compile, or its library cannot be loaded: `got` carries the compiler's words."""


class ArchiveError(NeurofitError):
    """An archive cannot be used: another problem's, another format's, or not an archive."""

    exit_code = 2


class DiskError(ArchiveError):
    """The disk does not take what a run writes, since it is full or broken: no fault of what was asked for."""

    exit_code = 1


_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def unwritten(told: str, error: OSError) -> ArchiveError:
    """The error of what cannot be written, as `told` says: of the disk, or else of a place that was wrong."""
    return (DiskError if error.errno in _OF_THE_DISK else ArchiveError)(told)


def place_of(given: object, what: str, expected: str) -> Path:
    """A path that a program gives, whose types nobody checks; ConfigError where it is none."""
    if not isinstance(given, str | os.PathLike) or not str(given).strip():
        of_type = "" if isinstance(given, str) else f" of type {type(given).__name__}"
        raise ConfigError(what, got=Words(f"{given!r}{of_type}"), expected=expected)
    return Path(given)


@contextmanager
def writing(path: Path, what_now: str = "") -> Iterator[None]:
    """What goes wrong on the disk inside, where `path` is written, is an ArchiveError that ends with `what_now`."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        raise unwritten(f"cannot write {path}: {why}{what_now and f'; {what_now}'}", error) from error


class Stopped(NeurofitError):
    """A run was asked to stop, by Ctrl-C or SIGTERM; everything finished is on disk, and it can go on later."""


class SimulationError(NeurofitError):
    """One simulation failed in a way that is a result (a status), never the end of a run."""


def _restored(
    kind: type[ConfigError], path: str, expected: str, got: object, line: int | None, file: str | None
) -> ConfigError:
    return kind(path, expected=expected, got=got, line=line, file=file)
