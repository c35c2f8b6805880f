"""Settings of all tests: examples that hypothesis makes up are the same in every run, and Ctrl-C can be tried."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# A shell starts what runs in the background with interrupts ignored, and every process under it inherits that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
