"""The page of the boards is what its generator makes of the builds' own words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    done = subprocess.run([sys.executable, "docs/generate_boards.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run: python docs/generate_boards.py"
