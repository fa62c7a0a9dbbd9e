"""The published vectors: every family answered as its source says, or refused where that is right.

They and the evaluator lie beside the project, in `../shared`; where that is absent this says so.
"""

import subprocess
import sys
from pathlib import Path

import pytest

FILES = ("devices.json", "envelopes.json", "hj212.json")


def test_the_published_vectors(root: Path) -> None:
    shared = root.parent / "shared"
    if not (shared / "accept" / "vectors.py").is_file():
        pytest.skip("no ../shared/accept: the published vectors are not beside this checkout")
    done = subprocess.run(
        [sys.executable, "accept/vectors.py", *(f"vectors/{name}" for name in FILES),
         "--run", f"{sys.executable} {root / 'run_daemon.py'} decode --stdin", "--verbose"],
        cwd=shared, capture_output=True, encoding="utf-8", timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " of " in done.stdout.splitlines()[-1]
