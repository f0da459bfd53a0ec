"""The drivers of the reference front end against independent models of the parts, from the pins of whole sessions."""

from __future__ import annotations

from itertools import pairwise

import pytest
import scenarios
from parts.front_end import FrontEndParts, connections_of, levels_of
from parts.sessions import ROUTES, boundary_records, converter_codes
from scenarios.raw import run_raw

from crossloop.protocol import microops as m
from crossloop.protocol.errors import Status
from crossloop.protocol.microops import LineState
from crossloop.protocol.streams import Family
from crossloop_sim.events import Kind

GEOMETRY = "rows=5&columns=4&tiles=2&gate_lines=1"
TWO_TAPS = "rows=4&columns=5&tiles=2&gate_lines=2&gate_taps=2"
BUILDS = {
    "DAC81416": f"{GEOMETRY}&frontend=reference",
    "DAC8568": f"{GEOMETRY}&frontend=reference-dac8568",
    "two taps per cycle": f"{TWO_TAPS}&frontend=reference",
    "nudge lines and current sources": f"{GEOMETRY}&nudge_lines=1&gate_full_scale_pa=2000&frontend=reference",
    "everything": f"{TWO_TAPS}&nudge_lines=1&gate_full_scale_pa=2000&frontend=reference-dac8568",
}
CLOCKS_HZ = (12_000_000, 25_000_000, 48_000_000, 96_000_000, 100_000_000)
ADC_LSB_V = 10 / 65536
"""At +-5 V."""


def _play(open_session, query: str, name: str) -> FrontEndParts:
    """Run a scenario, feed its pins to the parts, compare what they did with the boundary, and return them."""
    session = open_session("rtl", f"{query}&pins=1", first_sequence=1)
    scenarios.run(name, session)
    session.close()
    pins, parameters = session.transport.pins, session.parameters
    records, codes = boundary_records(session), converter_codes(session)

    def volts(conversion: int, channel: int) -> float:
        row = codes[conversion]
        return row[channel] * ADC_LSB_V if channel < len(row) else 0.0

    parts = FrontEndParts(parameters, volts)
    parts.follow(pins.edges())
    assert not parts.violations, "\n".join(str(violation) for violation in parts.violations[:10])
    assert parts.connections() == connections_of(parameters, records)
    assert parts.levels() == levels_of(parameters, records)

    wanted = [(pins.time_ps(row[0]), row[2], row[4], row[5], row[6]) for row in records if row[1] == Kind.CONVERSION]
    assert [time_ps for time_ps, _switches in parts.conversions] == [time_ps for time_ps, *_ in wanted]
    for (_time_ps, switches), (_same, family, range_index, pair, voltage) in zip(
        parts.conversions, wanted, strict=True
    ):
        # A voltage goes without a range resistor.
        assert set(switches) == {ROUTES[family, pair] | (0 if voltage else 0x10 << range_index)}
    # What came in at the falling edges is what a part would have put out, channel by channel.
    for place, readings in parts.readings.items():
        chip, line = divmod(place, 2)
        for conversion, bits in enumerate(readings):
            row = codes[conversion] + [0] * 16
            first = 8 * chip + 4 * line
            known = max(0, min(4, len(codes[conversion]) - first))
            expected = [row[first + word] >> 15 - bit & 1 for word in range(known) for bit in range(16)]
            assert bits[: len(expected)] == expected
            assert len(bits) == 64
    return parts


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_parts_bear_every_scenario_and_do_what_the_boundary_says(open_session, name: str, build: str) -> None:
    # The last clock pulse updates a DAC8568, the end of the frame an AD5668; the boundary knows the latter only.
    _play(open_session, BUILDS[build], name)


@pytest.mark.parametrize("clock_hz", [12_000_000, 48_000_000, 100_000_000])
def test_contacts_close_for_the_requested_taps(open_session, clock_hz: int) -> None:
    """Widths and gaps of trains as the contacts of the multiplexers show them, from the pins alone."""
    query = f"{TWO_TAPS}&frontend=reference&clock_hz={clock_hz}&pins=1"
    session = open_session("rtl", query, first_sequence=1)
    session.arm()
    trains = [(3, width, gap) for width in (1, 2, 3, 8, 21) for gap in (3, 4, 5, 22)]
    drive = (m.connect(Family.ROWS, LineState.DRIVE), m.connect(Family.COLUMNS, LineState.DRIVE))
    for count, width, gap in trains:
        assert run_raw(session, *drive, m.pulse(count, width, gap), m.halt()).status is Status.OK
    session.close()
    parts = FrontEndParts(session.parameters)
    parts.follow(session.transport.pins.edges())
    assert not parts.violations, "\n".join(str(violation) for violation in parts.violations[:10])
    for line in range(session.parameters.rows):
        changes = parts.multiplexers[Family.ROWS, line].changes
        pulses = [
            (round(2 * clock_hz * on.time_ps / 10**12), round(2 * clock_hz * off.time_ps / 10**12))
            for on, off in pairwise(changes)
            if on.value == LineState.DRIVE
        ]
        assert {on % 2 for on, _off in pulses} == {0, 1}
        assert [off - on for on, off in pulses] == [width for count, width, _gap in trains for _pulse in range(count)]
        rests = [on - off for (_on, off), (on, _off) in pairwise(pulses)]
        for first, (count, _width, gap) in zip(range(0, len(rests), 3), trains, strict=True):
            assert rests[first : first + count - 1] == [gap] * (count - 1)


@pytest.mark.slow
@pytest.mark.parametrize("clock_hz", CLOCKS_HZ)
@pytest.mark.parametrize("geometry", [GEOMETRY, TWO_TAPS])
def test_parts_bear_the_front_end_at_every_clock(open_session, geometry: str, clock_hz: int) -> None:
    for name in ("walking device", "random programs", "products", "trips and arming", "gate lines"):
        _play(open_session, f"{geometry}&frontend=reference&clock_hz={clock_hz}", name)
