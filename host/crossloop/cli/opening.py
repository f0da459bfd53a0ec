"""Opening a target for a command, with its slow steps told on stderr."""

from __future__ import annotations

import sys

from crossloop.protocol.transport import Transport
from crossloop.targets import open_target


def open_shown(target: str) -> Transport:
    """Open a target; what takes long is said while it happens."""
    return open_target(target, progress=lambda sentence: print(sentence, file=sys.stderr))
