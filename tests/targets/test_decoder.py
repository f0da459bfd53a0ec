"""What the drivers send and hear, read from a VCD file by sigrok's own decoder."""

from __future__ import annotations

import shutil
import subprocess
from itertools import groupby
from pathlib import Path

import pytest
import scenarios
from parts.sessions import ROUTES, boundary_records, converter_codes

from crossloop.protocol.parameters import ALL_LINES
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind

GEOMETRY = "rows=5&columns=4&tiles=2&gate_lines=1"
DEVICES = 4
"""Octals in the routing chain: more channels than that have chains of their own."""
POWER_UP = {
    "reference": [0x030A84, 0x043F00, 0x0AEEEE, 0x0BEEEE, 0x0CEEEE, 0x0DEEEE, 0x060000, 0x05FFFF, 0x090000, 0x0F8000],
    "reference-dac8568": [0x07000000, 0x08000001, 0x03F80000],
}
"""Frames that wake a level DAC and set its outputs to 0 V."""

pytestmark = pytest.mark.skipif(
    shutil.which("sigrok-cli") is None, reason="no sigrok-cli: apt-get install sigrok-cli, scripts/test does it"
)


def _decode(vcd: Path, data: str, bits: int, mode: tuple[int, int], **wires: str) -> list[int]:
    """Return the words that sigrok's SPI decoder finds on some wires."""
    pins = ":".join(f"{pin}={wire}" for pin, wire in wires.items())
    found = subprocess.run(
        ["sigrok-cli", "-i", str(vcd), "-I", "vcd:downsample=1000", "-A", f"spi={data}-data",
         "-P", f"spi:{pins}:cpol={mode[0]}:cpha={mode[1]}:wordsize={bits}"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [int(line.partition(": ")[2], 16) for line in found.stdout.splitlines()]


def _frame(front_end: str, line: int, code: int) -> int:
    if front_end == "reference":
        return (0x0F0000 if line == ALL_LINES else 0x100000 + (line << 16)) | code
    return 0x03000000 | (0xF if line == ALL_LINES else line) << 20 | code << 4


@pytest.mark.parametrize("front_end", POWER_UP)
@pytest.mark.parametrize("name", ["saturating products", "random programs", "gate lines"])
def test_decoded_words_are_those_that_were_asked_for(open_session, tmp_path, name: str, front_end: str) -> None:
    session = open_session("rtl", f"{GEOMETRY}&frontend={front_end}&pins=1", first_sequence=1)
    scenarios.run(name, session)
    session.close()
    records, bits = boundary_records(session), session.parameters.level_bits
    vcd = tmp_path / "pins.vcd"
    session.transport.pins.write_vcd(vcd)

    for family in Family:
        # Five rows, four columns and five gate lines have one chip each.
        words = _decode(
            vcd, "mosi", 24 if front_end == "reference" else 32, (0, 1),
            clk="level_sclk", mosi="level_sdi", cs=f"level_cs_n_{int(family)}",
        )  # fmt: skip
        levels = [
            _frame(front_end, line, (word + (1 << bits - 1)) << 16 - bits & 0xFFFF)
            for _cycle, kind, of, line, word, *_ in records
            if (kind, of) == (Kind.LEVEL, family)
        ]
        assert words == POWER_UP[front_end] + levels

    conversions = [record for record in records if record[1] == Kind.CONVERSION]
    routes = [ROUTES[record[2], record[5]] | 0x10 << record[4] for record in conversions]
    words = _decode(vcd, "mosi", 8 * DEVICES, (0, 1), clk="route_sclk", mosi="route_sdi", cs="route_cs_n")
    # At power-on rows are connected, in the first range; afterwards a frame comes whenever another routing is wanted.
    changes = [route for route, _same in groupby([ROUTES[0, 0] | 0x10, *routes])]
    assert words == [route * 0x01010101 for route in changes]

    for data, first in (("douta", 0), ("doutb", 4)):
        words = _decode(vcd, "miso", 64, (1, 0), clk="adc_sclk", miso=data, cs="adc_cs_n")
        assert len(words) == len(conversions)
        for word, codes in zip(words, converter_codes(session), strict=True):
            known = codes[first : first + 4]
            assert [word >> 48 - 16 * place & 0xFFFF for place in range(len(known))] == [
                code & 0xFFFF for code in known
            ]
