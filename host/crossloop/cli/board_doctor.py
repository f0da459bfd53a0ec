"""`crossloop doctor --port`: the self-test of a board, a line per check."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from crossloop.checkup.board import check_board
from crossloop.checkup.check import Outcome
from crossloop.protocol.manifest import Manifest
from crossloop.serial_port import BAUD, open_serial


def examine(port: str, *, baud: int | None, loop_bytes: int, build: Path | None, output: Path | None) -> bool:
    """Test a board and print a line per check; return whether none failed.

    Parameters
    ----------
    port : str
        Path of the serial port.
    baud : int or None
        Of the line; that of the build, or the boards' usual one, when not given.
    loop_bytes : int
        Bytes of the loop-back.
    build : Path or None
        Folder of `crossloop build` whose bitstream must be on the board.
    output : Path or None
        Where the figures go as JSON; `-` is the standard output, in place of the lines.
    """
    manifest = None if build is None else Manifest.read(build)
    rate = baud or (manifest.baud if manifest else BAUD)
    url = f"serial://{Path(port).absolute()}?baud={rate}"
    quiet = output == Path("-")
    expected = None if manifest is None else int(manifest.build_hash, 16)
    found = []
    with closing(open_serial(url)) as transport:
        for check in check_board(transport, loop_bytes=loop_bytes, expected_build=expected):
            found.append(check)
            if not quiet:
                print(f"{check.name:<20}{check.outcome.value:<9}{check.text}", flush=True)
    healthy = all(check.outcome is not Outcome.FAILED for check in found)
    if output is not None:
        time = datetime.now(UTC).isoformat(timespec="seconds")
        said = {"target": url, "time": time, "healthy": healthy, "checks": [check.as_dict for check in found]}
        text = json.dumps(said, indent=1) + "\n"
        if quiet:
            print(text, end="")
        else:
            output.write_text(text)
    return healthy
