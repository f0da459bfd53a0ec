"""Every minimum in a bus-functional model's table is checked: exactly the minimum passes, one picosecond less does not."""

from collections.abc import Callable, Mapping

import pytest
from parts.stimuli import Waveform

from crossloop_sim.bfm import ad7606, adg1414, adg1604, dac8568, dac81416
from crossloop_sim.bfm.part import Minimum, Part, Violation
from crossloop_sim.bfm.serial import SERIAL_MINIMA

LONG_PS = 20_000_000

Stimulus = Callable[[int], Waveform]
"""Makes edges in which only the one interval, given in ps, is short."""


def serial(frame: tuple[int, int], high: int) -> dict[str, Stimulus]:
    """Stimuli for what all frames have; `high` splits the shortest period."""

    def shaped(**intervals: int) -> Waveform:
        wave = Waveform(**intervals)
        wave.frame(*frame)
        return wave

    def fast(ps: int) -> Waveform:
        wave = Waveform(sclk_high=high, sclk_low=ps - high, noisy=False)
        wave.frame(0, frame[1])
        return wave

    def between(ps: int) -> Waveform:
        wave = Waveform(noisy=False)
        wave.frame(0, 24)
        wave.wait(ps)
        wave.frame(0, 8)
        return wave

    return {
        "sclk period": fast,
        "sclk high": lambda ps: shaped(sclk_high=ps),
        "sclk low": lambda ps: shaped(sclk_low=ps),
        "cs setup": lambda ps: shaped(cs_setup=ps),
        "data setup": lambda ps: shaped(data_setup=ps),
        "data hold": lambda ps: shaped(data_hold=ps),
        "cs hold": lambda ps: shaped(cs_hold=ps),
        "cs high": between,
    }


def frames(pause: int, *values: int, bits: int = 24) -> Waveform:
    """Frames whose ends are `pause` apart."""
    wave = Waveform(50_000, 20_000, 20_000, data_setup=15_000, cs_hold=50_000, noisy=False)
    ended = None
    for value in values:
        if ended is not None:
            length = wave.cs_setup + (bits - 1) * (wave.sclk_high + wave.sclk_low) + wave.cs_hold
            wave.now = ended + pause - length
        wave.frame(value, bits)
        ended = wave.now
    return wave


def strobe(pin: str, active: int = 0) -> Stimulus:
    def make(ps: int) -> Waveform:
        wave = Waveform()
        wave.strobe(pin, ps, active=active)
        return wave

    return make


def dac81416_read(ps: int) -> Waveform:
    wave = Waveform(noisy=False)
    wave.frame(0x030A84, 24)
    wave.wait(LONG_PS)
    wave.frame(0x830000, 24)
    wave.wait(LONG_PS)
    wave.sclk_high, wave.sclk_low = 20_000, ps - 20_000
    wave.frame(0, 24)
    return wave


def cs_high_to_ldac(ps: int) -> Waveform:
    wave = Waveform()
    wave.frame(0x100000, 24)
    wave.now = next(time for pin, time, level in wave.edges if (pin, level) == ("cs", 1)) + ps
    wave.strobe("ldac", LONG_PS)
    return wave


DAC81416 = {
    **serial((0x10A5C3, 24), 10_000),
    "read sclk period": dac81416_read,
    "update wait": lambda ps: frames(ps, 0x101234, 0x111234),
    "broadcast wait": lambda ps: frames(ps, 0x0F1234, 0x111234),
    "ldac low": strobe("ldac"),
    "clr low": strobe("clr"),
    "reset low": strobe("reset"),
    "cs high to ldac": cs_high_to_ldac,
}


def ldac_after_frame(fall: int, rise: int) -> Waveform:
    """A load strobe with its edges that long after the last clock edge of a frame."""
    wave = Waveform()
    wave.frame(0x00A5C3F0, 32)
    last = max(time for pin, time, level in wave.edges if (pin, level) == ("sclk", 0))
    wave.edges += [("ldac", last + fall, 0), ("ldac", last + rise, 1)]
    return wave


DAC8568 = {
    **serial((0x03A5C3F0, 32), 10_000),
    "sclk fall to ldac fall": lambda ps: ldac_after_frame(ps, LONG_PS),
    # The strobe has begun long before, in the frame; what is checked is its end.
    "32nd sclk fall to ldac rise": lambda ps: ldac_after_frame(-200_000, ps),
    "ldac low": strobe("ldac"),
    "clr low": strobe("clr"),
}

ADG1414 = {
    **serial((0xA5C3, 16), 10_000),
    "reset low": strobe("reset"),
    "chain sclk period": serial((0xA5C3, 16), 20_000)["sclk period"],
}


def mux(*steps: tuple[str, int, int]) -> Waveform:
    wave = Waveform()
    for pin, level, after in steps:
        wave.put(pin, level, after)
    return wave


ADG1604 = {
    "en fall to address": lambda ps: mux(("en", 1, 0), ("en", 0, LONG_PS), ("a0", 1, ps)),
    "en low between connections": lambda ps: mux(
        ("en", 1, 0), ("en", 0, LONG_PS), ("a0", 1, ps // 2), ("en", 1, ps - ps // 2), ("en", 0, LONG_PS)
    ),
    "address to en rise": lambda ps: mux(("a1", 1, 0), ("en", 1, ps), ("en", 0, LONG_PS)),
}


def conversion(reset_to_convst: int = LONG_PS, width: int = 100_000, reset: int = LONG_PS) -> Waveform:
    """Reset and one conversion, which has begun."""
    wave = Waveform()
    wave.strobe("reset", reset, active=1)
    wave.wait(reset_to_convst)
    wave.strobe("convst", width, active=1)
    return wave


CONVERSION_PS = ad7606.AD7606_CONVERSION_PS[0] + ad7606.BUSY_PS
STARTED_PS = 100_000
"""How long before the end of `conversion` the conversion has begun."""


def convst_low(ps: int) -> Waveform:
    wave = conversion()
    # Rises, falls and rises again while busy cannot be: the pin was high all the time and falls shortly before the next conversion.
    wave.edges.pop()
    wave.now += LONG_PS
    wave.put("convst", 0)
    wave.put("convst", 1, ps)
    return wave


def convst_period(ps: int) -> Waveform:
    wave = conversion()
    wave.now += ps - STARTED_PS
    wave.strobe("convst", 100_000, active=1)
    return wave


def after_busy(ps: int) -> Waveform:
    return convst_period(CONVERSION_PS + ps)


def cs_before_convst(ps: int) -> Waveform:
    wave = Waveform()
    wave.strobe("reset", LONG_PS, active=1)
    wave.wait(LONG_PS)
    wave.read(16)
    wave.wait(ps)
    wave.strobe("convst", 100_000, active=1)
    return wave


def read_after(delay: int) -> Waveform:
    wave = conversion(width=25_000)
    wave.now += delay - 25_000
    wave.sclk_high = wave.sclk_low = 60_000
    wave.read(16)
    return wave


def read_before_busy_falls(ps: int) -> Waveform:
    wave = conversion()
    wave.sclk_high = wave.sclk_low = 60_000
    wave.now += CONVERSION_PS - STARTED_PS - ps - (200_000 + 31 * 60_000 + 200_000)
    wave.read(16)
    wave.put("cs", 0, LONG_PS)
    return wave


def reading(**intervals: int) -> Waveform:
    wave = conversion()
    wave.wait(LONG_PS)
    wave.sclk_high = intervals.pop("sclk_high", 100_000)
    wave.sclk_low = intervals.pop("sclk_low", 100_000)
    wave.read(16, **intervals)
    return wave


ADC = {
    "convst low": convst_low,
    "convst high": lambda ps: conversion(width=ps),
    "reset high": lambda ps: conversion(reset=ps),
    "reset fall to convst": lambda ps: conversion(reset_to_convst=ps),
    "busy fall to convst": after_busy,
    "cs high to convst": cs_before_convst,
    "convst to cs fall": read_after,
    "cs high to busy fall": read_before_busy_falls,
    "cs setup": lambda ps: reading(cs_setup=ps),
    "cs hold": lambda ps: reading(cs_hold=ps),
    "sclk high": lambda ps: reading(sclk_high=ps),
    "sclk low": lambda ps: reading(sclk_low=ps),
}

Case = tuple[str, Callable[[Mapping[str, Minimum]], Part], Mapping[str, Minimum], Mapping[str, Stimulus]]


def converter(minima: Mapping[str, Minimum]) -> Part:
    return ad7606.Ad7606(lambda channel, time_ps: 0.0, minima)


def quick(minima: Mapping[str, Minimum]) -> Part:
    """A converter that is ready before its next conversion is allowed."""
    return ad7606.Ad7606(lambda channel, time_ps: 0.0, minima, conversion_ps=(100_000,), busy_ps=0)


def adc_period(high: int) -> dict[str, Stimulus]:
    return {"sclk period": lambda ps: reading(sclk_high=high, sclk_low=ps - high)}


PARTS: list[Case] = [
    ("DAC81416", dac81416.Dac81416, dac81416.MINIMA, DAC81416),
    (
        "DAC81416 at low VIO",
        dac81416.Dac81416,
        dac81416.LOW_SUPPLY_MINIMA,
        DAC81416 | {"sclk period": serial((0x10A5C3, 24), 20_000)["sclk period"]},
    ),
    ("DAC8568", lambda minima: dac8568.Dac8568(minima=minima), dac8568.MINIMA, DAC8568),
    ("AD5668", lambda minima: dac8568.Dac8568(acts_on_deselect=True, minima=minima), dac8568.MINIMA, DAC8568),
    ("ADG1414", lambda minima: adg1414.Adg1414Chain(2, minima), adg1414.MINIMA, ADG1414),
    ("ADG1604", adg1604.Adg1604, adg1604.MINIMA, ADG1604),
    *(
        (name, converter, minima, ADC | adc_period(minima["sclk high"].ps))
        for name, minima in (
            ("AD7606", ad7606.AD7606_MINIMA),
            ("AD7606B", ad7606.AD7606B_MINIMA),
            ("ADS8588H", ad7606.ADS8588H_MINIMA),
        )
    ),
    *(
        (f"{name}'s rate", quick, {**minima}, {"convst period": convst_period})
        for name, minima in (
            ("AD7606", ad7606.AD7606_MINIMA),
            ("AD7606B", ad7606.AD7606B_MINIMA),
            ("ADS8588H", ad7606.ADS8588H_MINIMA),
        )
    ),
]
CHECKS = [
    pytest.param(make, minima, name, stimulus, id=f"{part}-{name}")
    for part, make, minima, stimuli in PARTS
    for name, stimulus in stimuli.items()
]


@pytest.mark.parametrize(("make", "minima", "name", "stimulus"), CHECKS)
def test_a_minimum_is_kept_exactly_and_broken_by_one_picosecond(make, minima, name, stimulus):
    table = relaxed(minima, name)
    least = minima[name].ps
    stimulus(least).feed(make(table))
    with pytest.raises(Violation) as caught:
        stimulus(least - 1).feed(make(table))
    violation = caught.value
    assert (violation.what, violation.measured_ps, violation.minimum) == (name, least - 1, minima[name])
    assert f"[{minima[name].mark}]" in str(violation)


# Minima that others hide: to break one of these alone, what implies it is set aside.
IMPLIED = {
    "sclk period": ("chain sclk period",),
    "busy fall to convst": ("convst period",),
}


def relaxed(minima: Mapping[str, Minimum], name: str) -> dict[str, Minimum]:
    hidden = [other for other in IMPLIED.get(name, ()) if other in minima]
    return {**minima, **{other: Minimum(0, "?", "set aside") for other in hidden}}


def test_every_minimum_of_every_table_has_its_stimulus():
    tested: dict[tuple[tuple[str, int], ...], set[str]] = {}
    for _part, _make, minima, stimuli in PARTS:
        tested.setdefault(tuple(sorted((name, one.ps) for name, one in minima.items())), set()).update(stimuli)
    for table, names in tested.items():
        assert names == {name for name, _ps in table}


def test_a_serial_part_has_all_serial_minima():
    for table in (dac81416.MINIMA, dac81416.LOW_SUPPLY_MINIMA, dac8568.MINIMA, adg1414.MINIMA):
        assert set(SERIAL_MINIMA) <= set(table)
