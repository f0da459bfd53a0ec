"""The Tang Nano 9K of Sipeed: cheap."""

from crossloop_boards.board import Board, FrontEndWiring

BOARD = Board(
    name="tang_nano_9k",
    title="Sipeed Tang Nano 9K (GW1NR-9C)",
    platform="amaranth_boards.tang_nano_9k:TangNano9kPlatform",
    clock_resource="clk27",
    oscillator_hz=27_000_000,
    clock_hz=27_000_000,
    loader="tangnano9k",
    front_ends={
        "emulated": FrontEndWiring(
            build={
                "rows": 16,
                "columns": 16,
                "arithmetic": False,
                "vector_words": 512,
                "program_ops": 256,
                "array_seed": 1,
            }
        ),
    },
)
"""The board."""
