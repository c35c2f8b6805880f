"""The journal makes each record durable with one write, so that a process killed at any moment loses nothing finished.

Layout, little-endian: 8 bytes of magic, 16 bytes naming the archive (its UUID), then records of
(payload length u32, CRC-32 of all that follows u32, sequence number u64, kind u8, payload). A record is appended by a
single write(2), which the kernel completes or not, but does not undo when the process is killed. A tail that is cut
short or fails its checksum is what was in flight: readers ignore it, the next writer cuts it off.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neurofit.errors import ArchiveError, unwritten, writing

MAGIC = b"nfitjrn1"
_START = len(MAGIC) + 16
_HEAD = struct.Struct("<II")
_BODY = struct.Struct("<QB")


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened; `sequence` counts the archive's records from 1 and never repeats."""

    sequence: int
    kind: int
    payload: bytes

    def encoded(self) -> bytes:
        body = _BODY.pack(self.sequence, self.kind) + self.payload
        return _HEAD.pack(len(self.payload), zlib.crc32(body)) + body


def read_journal(path: Path) -> tuple[bytes, list[Record], int]:
    """(archive's 16 bytes, records, bytes they fill) of the journal at `path`; (b"", [], 0) where there is none.

    Raises ArchiveError where the file is no journal, or cannot be read.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b"", [], 0
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}") from error
    if data[: len(MAGIC)] != MAGIC or len(data) < _START:
        raise ArchiveError(f"{path} is not a neurofit journal; move it away to go on with results.h5 alone")
    records, good = [], _START
    for record, end in _records(data):
        records.append(record)
        good = end
    return data[len(MAGIC) : _START], records, good


def _records(data: bytes) -> Iterator[tuple[Record, int]]:
    at = _START
    while at + _HEAD.size + _BODY.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + _BODY.size + length
        body = data[at + _HEAD.size : end]
        if end > len(data) or zlib.crc32(body) != checksum:
            return
        sequence, kind = _BODY.unpack_from(body)
        yield Record(sequence, kind, body[_BODY.size :]), end
        at = end


class Journal:
    """The journal open for writing; only the holder of the archive's lock may have one."""

    def __init__(self, path: Path, archive: bytes, good: int):
        """Opens `path`, cut to its first `good` bytes, or starts it anew where `good` is 0."""
        self._path, self._archive, self._fd = path, archive, -1
        if good < _START:
            self.restart()
        else:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            os.ftruncate(self._fd, good)
            os.lseek(self._fd, good, os.SEEK_SET)
            self._end = good

    def append(self, record: Record) -> None:
        """Puts one record at the end. Raises ArchiveError where the disk does not take it; the journal stays whole."""
        data = record.encoded()
        try:
            written = os.write(self._fd, data)
            while written < len(data):  # only a full disk or a signal cuts a write to a file short
                written += os.write(self._fd, data[written:])
        except OSError as error:
            os.ftruncate(self._fd, self._end)
            os.lseek(self._fd, self._end, os.SEEK_SET)
            raise unwritten(f"cannot write to {self._path}: {error.strerror}; all before is kept", error) from error
        self._end += len(data)

    def restart(self) -> None:
        """An empty journal takes the old one's place in one step; who is reading the old one still sees all of it."""
        new = self._path.with_name(self._path.name + ".tmp")
        with writing(self._path, "all before is kept"):
            fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            os.write(fd, MAGIC + self._archive)
            os.replace(new, self._path)
        self.close()
        self._fd, self._end = fd, _START

    def sync(self) -> None:
        """Asks the disk itself to have it all: against a power cut, not only a killed process."""
        with writing(self._path, "all before is kept"):
            os.fsync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
