"""What a terminal shows of a fit as it goes on."""

from __future__ import annotations

import io

from rich.console import Console

from neurofit.report.live import Watch
from neurofit.run.progress import Progress


def progress(evaluations: int) -> Progress:
    return Progress(evaluations, 20, 1, {}, 0.0, {}, 60.0, {"ok": evaluations}, 3)


def test_a_panel_says_when_the_optimizer_is_at_the_next_batch() -> None:
    file = io.StringIO()
    with Watch(Console(file=file, force_terminal=True, width=100), "cell") as watch:

        def shown(evaluations: int) -> str:
            before = len(file.getvalue())
            watch(progress(evaluations))
            return file.getvalue()[before:]

        assert "batch 3" in shown(9) and "proposing" not in file.getvalue()
        assert "batch 3, proposing the next …" in shown(9)  # at once, however soon after
        assert "proposing" not in shown(20) and "proposing" not in shown(20)
