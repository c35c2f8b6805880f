"""Ctrl-C, SIGTERM and a batch system's SIGUSR1 end a run only where it waits, never in the middle of writing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from neurofit.errors import Stopped


class Stop:
    """While entered, SIGINT, SIGTERM and SIGUSR1 raise Stopped: at once inside `waiting`, else at its next beginning.

    A second signal raises KeyboardInterrupt wherever it finds the program. Outside the main thread, where Python takes
    no signals, it does nothing.
    """

    def __init__(self) -> None:
        self._waiting, self._signal = False, 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                self._before[number] = signal.signal(number, self._on)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if callable(handler) else signal.Handlers(handler or 0))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in which a signal may break in."""
        self._waiting = True
        try:
            self._check()
            yield
        finally:
            self._waiting = False

    def _on(self, number: int, frame: FrameType | None) -> None:
        if self._signal:
            raise KeyboardInterrupt
        self._signal = number
        if self._waiting:
            self._check()

    def _check(self) -> None:
        if self._signal:
            raise Stopped(f"stopped by {signal.Signals(self._signal).name}")
