"""Asks what is at a path; pathlib's own questions raise where a name is too long or a folder may not be read."""

from __future__ import annotations

import os
import stat

from neurofit.errors import ConfigError, Words


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether anything is there. Raises ConfigError, as the others do, where it may not be looked at."""
    return _mode(path) is not None


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is there."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is there."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def _mode(path: str | os.PathLike[str]) -> int | None:
    """What kind of thing is there; None for nothing, which is all that can be of a name that no disk bears."""
    try:
        return os.stat(path).st_mode
    except PermissionError as error:
        raise ConfigError(
            str(path), got=Words("permission denied"), expected="a path whose folders may be read"
        ) from error
    except (OSError, ValueError):  # too long for the file system, or with a NUL in it
        return None
