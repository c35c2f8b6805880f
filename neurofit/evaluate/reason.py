"""The reason that a failed evaluation keeps: one printable line of bounded length, whatever a model raised or wrote."""

from __future__ import annotations

from neurofit.errors import NeurofitError

_MOST = 300  # characters: a thousand failures must not fill memory with the arrays in their messages


def one_line(text: str) -> str:
    """`text` on one line, cut where it is long, without what cannot be stored (zero bytes, halves of characters)."""
    line = " ".join(text[: 10 * _MOST].split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= _MOST else line[: _MOST - 1] + "…"


def reason_of(error: BaseException) -> str:
    """An exception as a reason: its kind, where that is not one of our own, and what it says."""
    said = one_line(str(error))
    if isinstance(error, NeurofitError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
