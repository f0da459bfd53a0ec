"""What the bus-functional models do, told from the parts' data alone."""

import pytest
from parts.stimuli import Waveform

from crossloop_sim.bfm.ad7606 import ADS8588H_MINIMA, Ad7606, Inputs
from crossloop_sim.bfm.adg1414 import Adg1414Chain
from crossloop_sim.bfm.adg1604 import Adg1604
from crossloop_sim.bfm.dac8568 import Dac8568
from crossloop_sim.bfm.dac81416 import Dac81416, crc8
from crossloop_sim.bfm.part import Violation

PAUSE_PS = 5_000_000


class Bus:
    """Sends frames to a part, with long pauses."""

    def __init__(self, part, bits):
        self.part, self.bits = part, bits
        self.wave = Waveform()

    def send(self, *values, bits=None):
        for value in values:
            self.wave.frame(value, bits or self.bits)
            self.wave.wait(PAUSE_PS)
        self.wave.feed(self.part)

    def strobe(self, pin, active=0):
        self.wave.strobe(pin, 1_000_000, active=active)
        self.wave.wait(PAUSE_PS)
        self.wave.feed(self.part)


@pytest.fixture
def dac():
    """A DAC81416 that is awake, all channels on."""
    bus = Bus(Dac81416(external_reference=True), 24)
    bus.send(0x030A84, 0x090000)
    return bus


def test_dac81416_is_off_until_chip_reference_and_channel_are_woken():
    bus = Bus(Dac81416(), 24)
    bus.send(0x121234)
    assert bus.part.outputs == (None,) * 16
    bus.send(0x030A84)
    assert bus.part.outputs == (None,) * 16
    bus.send(0x043F00)
    assert bus.part.outputs == (None,) * 16
    bus.send(0x09FFFB)
    assert bus.part.outputs == (None, None, 0x1234) + (None,) * 13


def test_dac81416_ignores_a_short_frame_and_takes_the_first_24_bits_of_a_long_one(dac):
    dac.send(0x13ABCD >> 1, bits=23)
    assert dac.part.outputs[3] == 0
    dac.send(0x13ABCD << 9 | 0x1FF, bits=33)
    assert dac.part.outputs[3] == 0xABCD


def test_dac81416_range_0_is_that_of_the_last_four_channels(dac):
    dac.send(0x0AA9EC, 0x1F8000, 0x1E8000, 0x1D0000, 0x1C0000)
    assert [dac.part.volts(channel) for channel in (15, 14, 13, 12)] == [0.0, 0.0, -2.5, -20.0]
    dac.send(0x1FC000, 0x13C000)
    assert (dac.part.volts(15), dac.part.volts(3)) == (5.0, 3.75)


def test_dac81416_channels_that_wait_load_together(dac):
    dac.send(0x060003, 0x101111, 0x112222, 0x123333)
    assert dac.part.outputs[:3] == (0, 0, 0x3333)
    dac.strobe("ldac")
    assert dac.part.outputs[:3] == (0x1111, 0x2222, 0x3333)
    dac.send(0x104444, 0x0E0010)
    assert dac.part.outputs[0] == 0x4444


def test_dac81416_broadcast_reaches_every_channel(dac):
    dac.send(0x0F5678)
    assert dac.part.outputs == (0x5678,) * 16


def test_dac81416_clears_to_zero_volts(dac):
    dac.send(0x0D00A0, 0x105555, 0x115555)
    dac.strobe("clr")
    assert (dac.part.volts(0), dac.part.volts(1)) == (0.0, 0.0)
    dac.strobe("reset")
    assert dac.part.outputs == (None,) * 16


def test_dac81416_takes_frames_with_a_good_crc_only(dac):
    dac.send(0x030A94)
    good = 0x14ABCD << 8 | crc8(0x14ABCD, 24)
    dac.send(good ^ 1, bits=32)
    assert dac.part.outputs[4] == 0
    dac.send(good, bits=32)
    assert dac.part.outputs[4] == 0xABCD


def test_crc8_of_the_check_string():
    assert crc8(int.from_bytes(b"123456789"), 72) == 0xF4


def test_dac81416_answers_in_the_next_frame(dac):
    dac.send(0x15C3A5, 0x950000)
    before = len(dac.part.changes)
    dac.send(0)
    bits = [change.value for change in dac.part.changes[before:] if change.what == "sdo"]
    assert bits[-1] is None
    assert sum(bit << 15 - place for place, bit in enumerate(bits[8:24])) == 0xC3A5


@pytest.mark.parametrize(
    ("frame", "rule"),
    [(0x080001, "toggle mode, whose load sequence is not known"), (0x0A0005, "range 5, which is none")],
)
def test_dac81416_refuses_what_is_not_known(dac, frame, rule):
    with pytest.raises(Violation, match=rule):
        dac.send(frame)


@pytest.fixture(params=[False, True], ids=["DAC8568", "AD5668"])
def small(request):
    """A DAC with its reference on."""
    bus = Bus(Dac8568(acts_on_deselect=request.param), 32)
    bus.send(0x08000001)
    return bus


def test_dac8568_is_off_without_a_reference():
    assert Dac8568().outputs == (None,) * 8
    part = Dac8568(external_reference=True)
    Bus(part, 32).send(0x0321234F)
    assert part.outputs[2] == 0x1234


def test_dac8568_drops_a_short_frame(small):
    small.send(0x03312340 >> 1, bits=31)
    assert small.part.outputs == (0,) * 8
    small.send(0x03312340 << 8, bits=40)
    assert small.part.outputs[3] == 0x1234


def test_dac8568_commands_write_and_update(small):
    small.send(0x00011110, 0x00122220)
    assert small.part.outputs[:2] == (0, 0)
    small.send(0x01100000)
    assert small.part.outputs[:2] == (0, 0x2222)
    small.send(0x02233330)
    assert small.part.outputs[:3] == (0x1111, 0x2222, 0x3333)
    small.send(0x03F44440)
    assert small.part.outputs == (0x4444,) * 8


def test_dac8568_loads_by_pin_what_waits_for_it(small):
    small.send(0x00011110, 0x06000002, 0x00122220)
    assert small.part.outputs[:2] == (0, 0x2222)
    small.strobe("ldac")
    assert small.part.outputs[:2] == (0x1111, 0x2222)


def test_dac8568_power_clear_and_reset(small):
    small.send(0x03F12340, 0x04000305)
    assert small.part.outputs == (None, 0x1234, None) + (0x1234,) * 5
    small.send(0x04000001)
    assert small.part.outputs[:3] == (0x1234, 0x1234, None)
    small.strobe("clr")
    assert small.part.outputs[:2] == (0, 0)
    small.send(0x05000001)
    small.strobe("clr")
    assert small.part.volts(0) == 2.5
    small.send(0x07000000)
    assert small.part.outputs == (None,) * 8


def test_the_two_parts_act_at_their_own_edges():
    for part, pin in (
        (Dac8568(external_reference=True), "sclk"),
        (Dac8568(acts_on_deselect=True, external_reference=True), "cs"),
    ):
        wave = Waveform()
        wave.frame(0x03F12340, 32)
        acts = [time for name, time, level in wave.edges if name == pin and level == (pin == "cs")][-1]
        wave.feed(part)
        assert {change.time_ps for change in part.changes if change.value == 0x1234} == {acts}


def test_dac8568_wants_its_first_bit_0():
    with pytest.raises(Violation, match="bit 31 of a frame is 1"):
        Bus(Dac8568(), 32).send(0x83F12340)


def test_the_chain_gives_the_last_device_the_first_byte():
    bus = Bus(Adg1414Chain(3), 24)
    bus.send(0x800103)
    assert bus.part.switches == [0x03, 0x01, 0x80]
    assert [switch for switch in range(24) if bus.part.closed(switch)] == [0, 1, 8, 23]
    before = len(bus.part.changes)
    bus.send(0)
    out = [change.value for change in bus.part.changes[before:] if change.what == "sdo"]
    assert sum(bit << 23 - place for place, bit in enumerate(out)) == 0x800103


def test_the_chain_keeps_what_a_short_frame_has_not_pushed_out():
    bus = Bus(Adg1414Chain(2), 16)
    bus.send(0x1234)
    bus.send(0x5, bits=4)
    assert bus.part.switches == [0x45, 0x23]
    bus.strobe("reset")
    assert bus.part.switches == [0, 0]


def test_the_multiplexer_closes_the_addressed_switch_while_enabled():
    part, wave = Adg1604(), Waveform()
    for pin, level in (("a1", 1), ("en", 1), ("en", 0), ("a0", 1), ("en", 1), ("en", 0)):
        wave.put(pin, level, 1_000_000)
    wave.feed(part)
    assert [change.value for change in part.changes] == [2, None, 3, None]
    wave.put("en", 1, 1_000_000)
    wave.put("a0", 0, 1_000_000)
    with pytest.raises(Violation, match="address changes while enabled"):
        wave.feed(part)


def test_the_multiplexer_makes_short_pulses_of_one_connection():
    part, wave = Adg1604(), Waveform()
    for level in (1, 0, 1, 0):
        wave.put("en", level, 10_000)
    wave.feed(part)
    assert [change.value for change in part.changes] == [0, None, 0, None]


class Reader:
    """A converter that has been reset, and what reads it on falling clock edges."""

    def __init__(self, volts, **options):
        self.part = Ad7606(lambda channel, _time_ps: volts[channel], dout_ps=7_000, **options)
        self.wave = Waveform()
        self.wave.strobe("reset", 1_000_000, active=1)

    def convert(self):
        self.wave.wait(PAUSE_PS)
        self.wave.strobe("convst", 100_000, active=1)
        self.wave.wait(PAUSE_PS)
        self.wave.feed(self.part)

    def read(self, clocks=64, line="douta"):
        self.wave.read(clocks)
        falls = [time for pin, time, level in self.wave.edges if (pin, level) == ("sclk", 0)]
        before = len(self.part.changes)
        self.wave.feed(self.part)
        changes = [change for change in self.part.changes[before:] if change.what == line]
        return [[one.value for one in changes if one.time_ps <= fall][-1] for fall in falls]


def words(bits):
    values = [sum(bit << 15 - place for place, bit in enumerate(bits[at : at + 16])) for at in range(0, len(bits), 16)]
    return [value - 65536 if value >> 15 else value for value in values]


VOLTS = (0.0, 5.0, -5.0, 1.0, -1.0, 152.588e-6, -152.588e-6, 2.5)
CODES = [0, 32767, -32768, 6554, -6554, 1, -1, 16384]


def test_one_line_gives_all_channels_and_two_lines_half_each():
    adc = Reader(VOLTS)
    adc.convert()
    assert words(adc.read(128)) == CODES
    adc.convert()
    assert words(adc.read(64)) == CODES[:4]
    adc.convert()
    assert words(adc.read(64, "doutb")) == CODES[4:]
    adc.convert()
    assert words(adc.read(128, "doutb")) == CODES[4:] + CODES[:4]


def test_every_word_may_have_its_own_frame():
    adc = Reader(VOLTS)
    adc.convert()
    assert [words(adc.read(16)) for _word in range(8)] == [[code] for code in CODES]


def test_the_range_pin_doubles_the_lsb():
    adc = Reader([2 * volts for volts in VOLTS])
    adc.wave.put("range", 1, 1_000_000)
    adc.convert()
    assert words(adc.read(128)) == CODES


def test_results_are_those_of_the_conversion_that_is_over():
    adc = Reader(VOLTS[1:] + VOLTS[:1])
    adc.convert()
    adc.part.inputs = lambda channel, time_ps: 0.0
    adc.wave.strobe("convst", 100_000, active=1)
    adc.wave.sclk_high = adc.wave.sclk_low = 60_000
    assert words(adc.read(16)) == [32767]
    adc.wave.wait(PAUSE_PS)
    assert words(adc.read(128)) == [0] * 8


def test_busy_lasts_as_long_as_the_oversampling_pins_say():
    adc = Reader(VOLTS)
    adc.wave.put("os1", 1, 1_000_000)
    adc.wave.wait(PAUSE_PS)
    adc.wave.strobe("convst", 100_000, active=1)
    adc.wave.wait(20_000_000)
    adc.wave.put("os1", 0)
    adc.wave.feed(adc.part)
    rise, fall = (change.time_ps for change in adc.part.changes if change.what == "busy")
    assert fall - rise == 19_000_000


@pytest.mark.parametrize(
    ("rule", "edges"),
    [
        ("convst before the reset after power-up", [("convst", 1, 0)]),
        ("convst rises while busy", [("reset", 1, 0), ("reset", 0, 200), ("convst", 1, 50), ("convst", 0, 50), ("convst", 1, 50)]),
        ("selected when busy falls", [("reset", 1, 0), ("reset", 0, 200), ("convst", 1, 50), ("cs", 0, 50), ("sclk", 0, 9000)]),
        ("convst rises while selected", [("reset", 1, 0), ("reset", 0, 200), ("cs", 0, 50), ("convst", 1, 50)]),
        ("deselected 1 bits into a word", [("cs", 0, 50), ("sclk", 0, 50), ("sclk", 1, 50), ("cs", 1, 50)]),
        (
            "oversampling pins at 7",
            [("os0", 1, 0), ("os1", 1, 0), ("os2", 1, 0), ("reset", 1, 0), ("reset", 0, 200), ("convst", 1, 50)],
        ),
        (
            "range or oversampling changes in a conversion",
            [("reset", 1, 0), ("reset", 0, 200), ("convst", 1, 50), ("range", 1, 50)],
        ),
    ],
)  # fmt: skip
def test_the_converter_names_what_it_does_not_bear(rule, edges):
    wave = Waveform()
    for pin, level, after_ns in edges:
        wave.put(pin, level, after_ns * 1000)
    with pytest.raises(Violation, match=rule):
        wave.feed(Ad7606(lambda channel, time_ps: 0.0))


def test_a_recording_part_ignores_what_the_real_one_ignores():
    part = Ad7606(lambda channel, time_ps: 0.0, ADS8588H_MINIMA, record=True)
    wave = Waveform()
    wave.strobe("reset", 1_000_000, active=1)
    for _ in range(3):
        wave.wait(100_000)
        wave.strobe("convst", 100_000, active=1)
    wave.wait(PAUSE_PS)
    wave.put("range", 1)
    wave.feed(part)
    assert part.conversions == 1
    assert [violation.what for violation in part.violations] == ["convst rises while busy"] * 2


def test_a_step_settles_behind_the_input_filter():
    inputs = Inputs(15e3)
    inputs.step(0, 0, 1.0)
    # One pole at 15 kHz: 63 % after 10.6 us, 99 % after 49 us.
    assert inputs(0, 10_610_330) == pytest.approx(0.632, abs=1e-3)
    assert inputs(0, 48_900_000) == pytest.approx(0.99, abs=1e-3)
    inputs.step(0, 48_900_000, 0.0)
    assert inputs(0, 48_900_000) == pytest.approx(0.99, abs=1e-3)


def test_edges_come_in_order_and_to_pins_that_exist():
    part = Adg1604()
    part.edge("a0", 1000, 1)
    with pytest.raises(ValueError, match="an edge at 999 ps after one at 1000 ps"):
        part.edge("a0", 999, 0)
    with pytest.raises(ValueError, match="ADG1604 has no pin a2: it has a0, a1, en"):
        part.edge("a2", 2000, 1)
