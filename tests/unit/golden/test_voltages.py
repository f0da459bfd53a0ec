"""What a conversion of voltages tells the front end and the host."""

import pytest

from crossloop.protocol import arithmetic as ar
from crossloop.protocol import microops as ops
from crossloop.protocol.streams import CROSSING, Family
from crossloop_sim.events import Kind


@pytest.mark.parametrize("family", CROSSING)
def test_a_conversion_of_voltages_says_so_and_has_one_range(bench, family: Family) -> None:
    bench.plant.samples = [5, 7, 9]
    converting = ops.convert(family, 1, settle_cycles=3, integrate_cycles=4, pair=True, range_index=2, voltage=True)
    _reply, records = bench.ready().run(converting, ar.point(7), ar.sample(converting))
    strobes = [(event.a, event.b, event.words[:3]) for event in bench.plant.of(Kind.CONVERSION)]
    assert strobes == [(family, 1, (0, 1, 1))] * 2
    assert records[0].flags == family | 1 << 1 | 2 << 2 | 1 << 5
