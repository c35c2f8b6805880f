"""What a worker prints goes to a file of bounded size without a name, whose last line tells what the worker died of."""

from __future__ import annotations

import fcntl
import os
import tempfile

_MOST = 1 << 20  # bytes: a model that prints at every step must not fill the disk
_TAIL = 4096  # bytes kept of it when the file is emptied, and looked at for the last line


class Output:
    """A file for a worker's stdout and stderr; `descriptor` is what to give it."""

    def __init__(self) -> None:
        # It has no name (or loses it at once), and so vanishes with its last user, however that one ends.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the worker)
        self.descriptor = self._file.fileno()
        # The worker shares this open file: appending, it goes on at the end wherever that is after a `trim`.
        fcntl.fcntl(self.descriptor, fcntl.F_SETFL, fcntl.fcntl(self.descriptor, fcntl.F_GETFL) | os.O_APPEND)
        self._mark = 0

    def mark(self) -> None:
        """Lines up to here belong to candidates that are finished."""
        self._mark = self._size()

    def trim(self) -> None:
        """Empties the file where it has grown too long, but for its end."""
        size = self._size()
        if size > _MOST:
            tail = os.pread(self.descriptor, _TAIL, size - _TAIL)
            os.ftruncate(self.descriptor, 0)
            os.write(self.descriptor, tail)
            self._mark = 0

    def last_line(self) -> str:
        """The last line that is not blank since the mark; "" where there is none."""
        size = self._size()
        start = max(self._mark, size - _TAIL)
        text = os.pread(self.descriptor, max(0, size - start), start).decode(errors="replace")
        return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")

    def close(self) -> None:
        self._file.close()

    def _size(self) -> int:
        return os.fstat(self.descriptor).st_size
