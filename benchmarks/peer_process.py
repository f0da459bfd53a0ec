"""A peer simulator in its own environment, kept alive, so that both sides are timed inside and in turns."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


class Peer:
    """A process of `benchmarks/peers/NAME_peer.py`.

    Raises
    ------
    SystemExit
        If the peers are not installed.
    """

    def __init__(self, name: str) -> None:
        if not PYTHON.exists():
            raise SystemExit("the peers are not installed: ./scripts/bench --peers installs them into .venv-peers")
        script = ROOT / "benchmarks" / "peers" / f"{name}_peer.py"
        self._process = subprocess.Popen(
            [PYTHON, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer process ended at {op} {arguments}; run its script by hand to see why")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
