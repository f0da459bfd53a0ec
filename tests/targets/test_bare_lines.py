"""What reaches a device below every library is answered alike by model and gateware, and does the same at the pins."""

from __future__ import annotations

import pytest
from scenarios.bare import BARE, run_bare

from crossloop_sim import transcript
from crossloop_sim.targets import open_model, open_rtl

QUERIES = {
    "direct": "rows=5&columns=4&tiles=2&gate_lines=1&vector_words=512&program_ops=64",
    "reference": "rows=5&columns=4&tiles=2&gate_lines=1&vector_words=512&program_ops=64&frontend=reference",
    "two taps, reference": (
        "rows=4&columns=5&tiles=2&gate_lines=1&nudge_lines=1&gate_taps=2&vector_words=512&program_ops=64&frontend=reference"
    ),
    "one slot, long frames": "rows=2&columns=3&request_slots=1&frame_bytes=2048&vector_words=64&program_ops=32",
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("name", BARE)
def test_model_and_rtl_answer_alike(name: str, query: str) -> None:
    found = []
    for scheme, opened in (("model", open_model), ("rtl", open_rtl)):
        transport = opened(f"{scheme}:?{QUERIES[query]}&transcript=1")
        run_bare(name, transport)
        transport.close()
        found.append(transport.world.transcript)
    assert transcript.difference(*found) is None
