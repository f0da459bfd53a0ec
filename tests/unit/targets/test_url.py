"""Target URLs: what they set, and how they are refused."""

import pytest

from crossloop.protocol.errors import RangeError, TargetError
from crossloop.protocol.parameters import Parameters
from crossloop_sim.devices.constant import ConstantStep
from crossloop_sim.devices.soft_bounds import SoftBounds
from crossloop_sim.frontend.settings import FrontEnd
from crossloop_sim.plant import PlantConfiguration
from crossloop_sim.targets import open_model, open_rtl
from crossloop_sim.url import parse_url


def test_defaults_are_those_of_parameters_and_preset():
    settings = parse_url("model:", "model")
    assert settings.parameters == Parameters()
    assert settings.plant.device == ConstantStep()
    assert not settings.transcript


def test_every_part_can_be_set():
    url = (
        "model:?rows=65&columns=64&tiles=2&sample_bits=10&range_full_scale_pa=4000,3000,2000,1000&preset=soft-bounds"
        "&seed=7&c2c=0.5&read_noise=0&initial=uniform&initial_spread=1e-1&transcript=1"
    )
    settings = parse_url(url, "model")
    assert settings.parameters == Parameters(
        rows=65, columns=64, tiles=2, sample_bits=10, range_full_scale_pa=(4000, 3000, 2000, 1000)
    )
    assert settings.plant == PlantConfiguration(
        device=SoftBounds(dw_min=0.01, c2c=0.5, initial="uniform", initial_spread=0.1),
        front_end=FrontEnd(read_noise=0.0),
        seed=7,
    )
    assert settings.transcript


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        (
            "model:?row=3",
            TargetError,
            r"unknown key 'row' \(did you mean 'rows'\?\); known are rows, columns, .*seed.*",
        ),
        ("model:?engine=cxxrtl", TargetError, "unknown key 'engine'"),
        ("model:?rows=3&rows=4", TargetError, "gives 'rows' twice"),
        ("model:?rows=three", TargetError, "rows must be an integer, not 'three'"),
        ("model:?c2c=much", TargetError, "c2c must be a number, not 'much'"),
        ("model:?transcript=maybe", TargetError, "transcript must be 0 or 1, not 'maybe'"),
        ("model:?range_full_scale_pa=a,b", TargetError, "range_full_scale_pa must be 4 integers with commas between"),
        ("model:?rows", TargetError, "'rows' is not of the form key=value"),
        ("model:array1", TargetError, "has 'array1' after the colon; write model:"),
        ("model", TargetError, "does not begin with 'model' and a colon"),
        ("model:?rows=0", RangeError, "parameter rows must be an integer from 1 to 1024, not 0"),
        ("model:?preset=gold", RangeError, "unknown plant preset 'gold'; known are rpu, ideal"),
        ("model:?c2c=-1", RangeError, "c2c must not be negative"),
    ],
)
def test_wrong_model_urls_are_refused(url, error, message):
    with pytest.raises(error, match=message):
        open_model(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("rtl:?engine=modelsim", "engine must be one of native, cxxrtl, verilator, coverage, not 'modelsim'"),
        ("rtl:?link=usb", "link must be one of bytes, uart, not 'usb'"),
        ("rtl:?link=uart&divisor=1", "divisor must be an integer from 2 to 65535 cycles per bit, not '1'"),
        ("rtl:?divisor=16", "gives divisor without link=uart"),
        ("rtl:?rows=x", "rows must be an integer"),
        ("rtl:?frontend=reference&pins=yes", "pins must be 0 or 1, not 'yes'"),
        ("rtl:?pins=1", "gives pins=1, but the direct front end has none; add frontend=reference"),
    ],
)
def test_wrong_rtl_urls_are_refused(url, message):
    with pytest.raises(TargetError, match=message):
        open_rtl(url)
