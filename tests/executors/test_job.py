"""What has been printed is read by the launcher before a job is ended at once."""

from __future__ import annotations

import os
import threading
import time

from neurofit.executors.job import printed_is_read


def test_what_is_in_a_pipe_is_waited_for():
    out, into = os.pipe()
    os.write(into, b"the last words")
    order = []

    def reader() -> None:
        order.append("read")
        os.read(out, 100)

    threading.Timer(0.2, reader).start()
    printed_is_read((into,), 60.0)
    order.append("ended")
    os.close(out)
    os.close(into)
    assert order == ["read", "ended"]


def test_one_that_reads_nothing_is_waited_for_no_longer_than_asked(tmp_path):
    out, into = os.pipe()
    os.write(into, b"the last words")
    began = time.perf_counter()
    printed_is_read((into,), 0.2)
    assert time.perf_counter() - began >= 0.2  # it ended, and by itself
    os.close(out)
    with (tmp_path / "log").open("w") as file:
        file.write("a file has no reader, and what is closed has nothing in it")
        file.flush()
        printed_is_read((file.fileno(), into), 0.0)
    os.close(into)
    printed_is_read((into,), 0.0)


def test_a_reader_that_is_gone_is_not_waited_for():
    """Its last line stays in the pipe for good. A tenth of the patience is far more than two looks take."""
    out, into = os.pipe()
    os.write(into, b"the last words")
    os.close(out)
    began = time.perf_counter()
    printed_is_read((into,), 20.0)
    assert time.perf_counter() - began < 2.0
    os.close(into)


def test_a_reader_that_goes_is_not_waited_for_any_more():
    out, into = os.pipe()
    os.write(into, b"the last words")
    threading.Timer(0.1, os.close, (out,)).start()
    began = time.perf_counter()
    printed_is_read((into,), 20.0)
    assert 0.05 < time.perf_counter() - began < 2.0
    os.close(into)
