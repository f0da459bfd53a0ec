"""The iCEBreaker of 1BitSquared: small, with DSP blocks and 1 Mbit of single-port RAM."""

from crossloop_boards.board import Board, FrontEndWiring

BOARD = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker (iCE40UP5K)",
    platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
    clock_resource="clk12",
    oscillator_hz=12_000_000,
    clock_hz=12_000_000,
    loader="ice40_generic",
    synthesis_options="-dsp",
    small=True,
    front_ends={
        "emulated": FrontEndWiring(
            build={
                "rows": 32,
                "columns": 32,
                "arithmetic": False,
                "coincidence": False,
                "vector_words": 128,
                "program_ops": 128,
                "frame_bytes": 256,
                "request_slots": 1,
                "loop_depth": 1,
                "array_seed": 1,
            },
        ),
    },
)
"""The board."""
