"""The ULX3S of Radiona: full size, with room for large arrays."""

from crossloop_boards.board import Board, FrontEndWiring

BOARD = Board(
    name="ulx3s",
    title="Radiona ULX3S 12F (ECP5-25F die)",
    platform="amaranth_boards.ulx3s:ULX3S_12F_Platform",
    clock_resource="clk25",
    oscillator_hz=25_000_000,
    clock_hz=75_000_000,
    loader="ulx3s",
    front_ends={"emulated": FrontEndWiring(build={"rows": 64, "columns": 64, "array_seed": 1})},
)
"""The board."""
