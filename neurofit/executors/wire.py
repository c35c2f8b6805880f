"""Messages between the parent and its own workers: a length, then a pickle, over a socket pair."""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("<Q")
_MOST = 1 << 20  # bytes taken from a socket at once


class Closed(Exception):
    """The other side is gone."""


def pickled(message: Any) -> bytes:
    """The message as bytes."""
    return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)


def packed(message: Any) -> bytes:
    """The message as it goes over the wire."""
    data = pickled(message)
    return _LENGTH.pack(len(data)) + data


def send(connection: socket.socket, data: bytes) -> None:
    """Sends a packed message whole; Closed where nobody is left to read it."""
    try:
        connection.sendall(data)
    except OSError as error:
        raise Closed from error


class Inbox:
    """Cuts what arrives into messages: a whole one at a time (`wait`), or those that one read completes (`take`)."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._bytes = bytearray()

    def wait(self) -> Any:
        """The next message; Closed at the end of the stream."""
        while (message := self._next()) is None:
            self._read()
        return message[0]

    def take(self) -> list[Any]:
        """The messages that one read completes, perhaps none; Closed at the end of the stream.

        On a socket with something to read it does not block, even where the other side has stopped within a message.
        """
        self._read()
        messages = []
        while (message := self._next()) is not None:
            messages.append(message[0])
        return messages

    def _read(self) -> None:
        try:
            part = self._connection.recv(_MOST)
        except OSError as error:
            raise Closed from error
        if not part:
            raise Closed
        self._bytes += part

    def _next(self) -> tuple[Any] | None:
        """The first whole message, in a tuple of its own because None is a message too."""
        if len(self._bytes) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        message = pickle.loads(bytes(self._bytes[_LENGTH.size : end]))
        del self._bytes[:end]
        return (message,)
