"""The iCE40-HX8K breakout board of Lattice: most pins, no DSP blocks."""

from crossloop_boards.board import Board, FrontEndWiring

BOARD = Board(
    name="hx8k",
    title="Lattice iCE40-HX8K breakout board (iCE40HX8K-B-EVN)",
    platform="amaranth_boards.ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform",
    clock_resource="clk12",
    oscillator_hz=12_000_000,
    clock_hz=48_000_000,
    loader="ice40_generic",
    front_ends={
        "emulated": FrontEndWiring(
            build={
                "rows": 16, "columns": 16, "tiles": 2, "arithmetic": False, "vector_words": 512, "program_ops": 256, "frame_bytes": 512,
                "loop_depth": 2, "array_seed": 1,
            },
        ),
        "direct": FrontEndWiring(
            build={
                "rows": 2, "columns": 2, "tiles": 1, "vector_words": 128, "program_ops": 128, "frame_bytes": 128, "request_slots": 1,
                "loop_depth": 2,
            },
        ),
    },
)  # fmt: skip
"""The board."""
