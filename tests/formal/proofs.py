"""Every proof there is."""

from __future__ import annotations

from formal.prover import Proof
from formal.queues import EncoderProperties, FifoProperties, ReaderProperties
from formal.safety_gate import SafetyProperties, SubClockSafetyProperties
from formal.session_rules import SessionProperties

PROOFS = {
    "safety gate": Proof("`SafetyGate` with 2x2 lines and gate lines, short timers", SafetyProperties, 5, 24),
    "safety gate with two taps": Proof(
        "`SafetyGate` with 2x2 lines, gate lines and two taps per cycle, short timers", SubClockSafetyProperties, 5, 24
    ),
    "session rules": Proof("`SessionRules`, two slots, 32-bit numbers", SessionProperties, 4, 24),
    "stretch reader": Proof("`StretchReader` over a memory that holds still", ReaderProperties, 4, 12),
    "line encoder": Proof("`CobsEncoder`, its output stream", EncoderProperties, 20, 16, unbounded=False),
    "notice queue": Proof("`SyncFIFOBuffered`, depth 4", FifoProperties, 24, 20, unbounded=False),
}
"""Name and proof."""
