"""Settings of all tests: examples that hypothesis makes up are the same in every run, Ctrl-C can be tried, and no
worker is left alone with the longest file.
"""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# A shell starts what runs in the background with interrupts ignored, and every process under it inherits that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_LONG = ("test_notebooks", "test_joint", "test_recovery", "test_executor_mpi", "test_trial", "test_stages")


def pytest_configure(config: pytest.Config) -> None:
    # By itself xdist begins with the files of most tests, and in the end one worker is alone with the longest.
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that the short ones fill what they leave."""
    items.sort(key=lambda item: _LONG.index(item.path.stem) if item.path.stem in _LONG else len(_LONG))
