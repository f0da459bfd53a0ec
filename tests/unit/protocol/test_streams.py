"""The random lanes have full period, and rows and columns are different sequences."""

from __future__ import annotations

import pytest

from crossloop.protocol.streams import CROSSING, Family, lane_constant, lane_start, step

PRIME_FACTORS = (3, 5, 17, 257, 65537)
"""Of 2**32 - 1: all Fermat primes."""


def columns_of(family: Family) -> list[int]:
    """Return the step's matrix over GF(2), one image per basis vector."""
    return [step(family, 1 << bit) for bit in range(32)]


def apply(matrix: list[int], vector: int) -> int:
    result = 0
    for bit in range(32):
        if vector >> bit & 1:
            result ^= matrix[bit]
    return result


def power(matrix: list[int], exponent: int) -> list[int]:
    result = [1 << bit for bit in range(32)]
    while exponent:
        if exponent & 1:
            result = [apply(matrix, column) for column in result]
        matrix = [apply(matrix, column) for column in matrix]
        exponent >>= 1
    return result


def minimal_polynomial(bits: list[int]) -> int:
    """Return the connection polynomial of a bit sequence (Berlekamp and Massey)."""
    connection, previous, length, shift = 1, 1, 0, 1
    for position, bit in enumerate(bits):
        discrepancy = bit
        for tap in range(1, length + 1):
            if connection >> tap & 1:
                discrepancy ^= bits[position - tap]
        if not discrepancy:
            shift += 1
        elif 2 * length <= position:
            connection, previous, length, shift = connection ^ previous << shift, connection, position + 1 - length, 1
        else:
            connection ^= previous << shift
            shift += 1
    return connection


@pytest.mark.parametrize("family", CROSSING)
def test_every_lane_walks_through_all_states_but_zero(family: Family) -> None:
    identity = [1 << bit for bit in range(32)]
    matrix = columns_of(family)
    assert power(matrix, 2**32 - 1) == identity
    assert all(power(matrix, (2**32 - 1) // prime) != identity for prime in PRIME_FACTORS)


def test_row_and_column_sequences_are_not_shifts_of_one_another() -> None:
    polynomials = []
    for family in CROSSING:
        state, bits = 1, []
        for _ in range(80):
            bits.append(state & 1)
            state = step(family, state)
        polynomials.append(minimal_polynomial(bits))
    assert polynomials[0] != polynomials[1]
    assert all(polynomial.bit_length() == 33 for polynomial in polynomials)


def test_no_seed_stops_a_lane() -> None:
    for family in CROSSING:
        for lane in range(8):
            assert lane_start(family, lane, lane_constant(family, lane)) != 0


def test_start_states_of_all_lanes_differ() -> None:
    states = {lane_start(family, lane, 12345) for family in CROSSING for lane in range(8)}
    assert len(states) == 16
