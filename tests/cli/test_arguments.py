"""What options refuse says what was found and what is expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import neurofit


@pytest.mark.parametrize(
    ("option", "value", "least"),
    [("--workers", "0", 1), ("--budget", "many", 1), ("--batch", "-3", 1), ("--seed", "1.5", 0)],
)
def test_a_number_that_an_option_cannot_be(tmp_path: Path, option: str, value: str, least: int) -> None:
    done = neurofit("fit", "hh_soma", option, value, cwd=tmp_path)
    said = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == 2 and not list(tmp_path.iterdir())
    assert f"Invalid value for '{option}': found {value}; expected a whole number of at least {least}" in said
