"""Compiled kernels of whole tiles: trains, outer-product updates, products.

Random numbers are hashes of (seed, event, line or cell), so neither threads nor the order of rows change anything. All of them are in
this one file, because numba's cache looks at the file of the outermost function only.

A cell's step is d*a_d*(1 - s_d*(w + r)), with a the step, s the slope, r the reference, d the direction: constant, linear and soft-bounds
models are all of this form. With q = 1 - a*s, n steps without noise and bounds give exactly

    w_n - w = d*a*(1 - s*(w + r))*(1 - q^n)/(1 - q)

and their noise has the spread a*c2c*(1 - s*(w + r))*q^(n-1)*sqrt(n) if it is multiplicative, a*c2c*sqrt((1 - q^2n)/(1 - q^2)) if it is
additive. The count form draws one deviate per cell with that spread and limits the result to the bounds once; the sequential form does
every step by itself. They differ by what bounds do between the steps of one update, and, for multiplicative noise, by its square.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, int32, njit, prange, types, uint32, uint64
from numba.extending import intrinsic

from crossloop_sim.noise import bits, mix

SLOTS = 31
"""Most slots of one update: the bits of a train, less the sign of a 32-bit word."""

HIDDEN, SEEN, UP, DOWN, SLOPE_UP, SLOPE_DOWN, UPPER, LOWER, REFERENCE, PLANES = range(10)
"""Planes of a tile's cells, float32."""

_TABLE = 4096
ROOTS = np.sqrt(np.arange(SLOTS + 2, dtype=np.float32))


def _quantiles() -> Any:
    """Return the normal quantiles at the middles of 4096 equal parts, scaled to variance 1; they end at 3.67."""
    from scipy.special import ndtri

    table = ndtri((np.arange(_TABLE) + 0.5) / _TABLE)
    return (table / table.std()).astype(np.float32)


QUANTILES = _quantiles()
"""A normal deviate for every 12 bits."""


@intrinsic
def _ones(typing_context: Any, word: Any) -> Any:  # noqa: ARG001
    """Count the ones of a 32-bit word, by the instruction for it."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.uint32(types.uint32), lower


@njit(cache=True, inline="always")
def _hash(x: Any) -> Any:
    """Return a 32-bit hash of a 32-bit word. Source: constants of Wellons' hash-prospector, lowbias32 (public domain)."""
    x = uint32(x)
    x = uint32((x ^ (x >> uint32(16))) * uint32(0x7FEB352D))
    x = uint32((x ^ (x >> uint32(15))) * uint32(0x846CA68B))
    return uint32(x ^ (x >> uint32(16)))


@njit(cache=True, inline="always")
def _deviate(key: Any, cell: Any) -> Any:
    """Return a normal deviate of a cell: ones among 32 bits, smoothed by two 16-bit uniforms; variance 1, kurtosis 2.94, range +-5.7."""
    first = _hash(uint32(key) ^ _hash(uint32(cell)))
    second = _hash(uint32(first + uint32(0x9E3779B9)))
    low = float32(second & uint32(0xFFFF)) + float32(second >> uint32(16))
    # Variance 8 of the ones, 2/12 of the uniforms; mean 16 + 1.
    return (float32(_ones(first)) + low * float32(1.0 / 65536.0) - float32(17.0)) * float32(0.34992710611188266)


@njit(cache=True)
def trains(key: int, probabilities: Any, slots: int, words: Any) -> None:
    """Fill a word per line: bit n is set with the line's probability, to 1/65536; four slots take one 64-bit draw."""
    for line in range(probabilities.size):
        limit = uint64(min(max(probabilities[line], 0.0), 1.0) * 65536.0 + 0.5)
        word = uint32(0)
        if limit > uint64(0):
            start = mix(uint64(key) + uint64(line) * uint64(0xD1342543DE82EF95))
            for block in range((slots + 3) // 4):
                draw = bits(start, uint64(block))
                for part in range(4):
                    slot = 4 * block + part
                    if slot < slots and (draw >> uint64(16 * part)) & uint64(0xFFFF) < limit:
                        word |= uint32(1) << uint32(slot)
        words[line] = word


@njit(cache=True, parallel=True, error_model="numpy")
def update_sequential(key: int, row_words: Any, column_words: Any, row_up: Any, column_up: Any, cells: Any, counts: Any, c2c: float,
                      additive: bool, write: float, quantiles: Any) -> None:  # fmt: skip
    """Step every cell once per coincidence, slot by slot; `row_up` and `column_up` are the lines' signs (1 or 0, equal ones raise)."""
    rows = cells.shape[1]
    spread, noise = float32(c2c), float32(write)
    active = np.flatnonzero(column_words)
    for i in prange(rows):
        if row_words[i] != 0:
            row_key = mix(uint64(key) + uint64(i) * uint64(0x9FB21C651E98DF25))
            hidden, seen = cells[HIDDEN, i], cells[SEEN, i]
            upper, lower, reference = cells[UPPER, i], cells[LOWER, i], cells[REFERENCE, i]
            for j in active:
                n = int32(_ones(uint32(row_words[i] & column_words[j])))
                if n == 0:
                    continue
                up = row_up[i] == column_up[j]
                step = cells[UP, i, j] if up else -cells[DOWN, i, j]
                slope = cells[SLOPE_UP, i, j] if up else cells[SLOPE_DOWN, i, j]
                w, offset = hidden[j], reference[j]
                high, low = upper[j], lower[j]
                state = row_key + uint64(j) * uint64(0x9E3779B97F4A7C15)
                draw = mix(state)
                left = 5
                for _ in range(n):
                    if left == 0:
                        state += uint64(0xD1342543DE82EF95)
                        draw = mix(state)
                        left = 5
                    xi = spread * quantiles[draw & uint64(4095)]
                    draw >>= uint64(12)
                    left -= 1
                    factor = float32(1.0) - slope * (w + offset)
                    factor = factor + xi if additive else factor + factor * xi
                    w = min(max(w + step * factor, low), high)
                hidden[j] = w
                if noise != float32(0.0):
                    w += noise * _deviate(uint32(row_key >> uint64(32)), uint32(j))
                seen[j] = w
                counts[0 if up else 1, i, j] += n


@njit(cache=True, parallel=True, error_model="numpy")
def update_counted(key: int, row_words: Any, column_words: Any, row_up: Any, column_up: Any, cells: Any, counts: Any, c2c: float,
                   additive: bool, write: float, roots: Any) -> None:  # fmt: skip
    """Step every cell by the number of its coincidences at once: the count form."""
    rows, columns = cells.shape[1:]
    spread, noise = float32(c2c), float32(write)
    for i in prange(rows):
        word = row_words[i]
        if word != 0:
            row_key = mix(uint64(key) + uint64(i) * uint64(0x9FB21C651E98DF25))
            first, second = uint32(row_key), uint32(row_key >> uint64(32))
            sign = row_up[i]
            hidden, seen = cells[HIDDEN, i], cells[SEEN, i]
            ups, downs, slopes_up, slopes_down = cells[UP, i], cells[DOWN, i], cells[SLOPE_UP, i], cells[SLOPE_DOWN, i]
            upper, lower, reference = cells[UPPER, i], cells[LOWER, i], cells[REFERENCE, i]
            counts_up, counts_down = counts[0, i], counts[1, i]
            # No branches: the loop runs eight cells at a time.
            for j in range(columns):
                number = int32(_ones(uint32(word & column_words[j])))
                n = float32(number)
                up = sign == column_up[j]
                step = ups[j] if up else -downs[j]
                slope = slopes_up[j] if up else slopes_down[j]
                w = hidden[j]
                factor = float32(1.0) - slope * (w + reference[j])
                shrink = abs(step * slope)
                q = float32(1.0) - shrink
                # q^n from the bits of n.
                square = q
                power = square if number & 1 else float32(1.0)
                square *= square
                power *= square if number & 2 else float32(1.0)
                square *= square
                power *= square if number & 4 else float32(1.0)
                square *= square
                power *= square if number & 8 else float32(1.0)
                square *= square
                power *= square if number & 16 else float32(1.0)
                # Close to 1 the quotient would cancel: the first terms of its series.
                small = shrink < float32(1e-4)
                sum_1 = n - float32(0.5) * n * (n - float32(1.0)) * shrink if small else (float32(1.0) - power) / shrink
                if additive:
                    both = (float32(1.0) - power * power) / (shrink * (float32(2.0) - shrink))
                    deviation = np.sqrt(n - n * (n - float32(1.0)) * shrink if small else both)
                else:
                    deviation = factor * roots[number] * (power / q if q > float32(0.0) else float32(0.0))
                xi = spread * _deviate(first, uint32(j))
                w = min(max(w + step * (factor * sum_1 + deviation * xi), lower[j]), upper[j])
                touched = number != 0
                hidden[j] = w if touched else hidden[j]
                seen[j] = w + noise * _deviate(second, uint32(j)) if touched else seen[j]
                counts_up[j] += number if up else int32(0)
                counts_down[j] += int32(0) if up else number


@njit(cache=True, error_model="numpy")
def forward(key: int, seen: Any, x: Any, settings: Any, out: Any) -> float:
    """Drive rows with x, shape (rows,), and fill `out`, shape (columns,); return the scale of the input that was used."""
    return _convert(key, x, seen, True, settings, out)


@njit(cache=True, error_model="numpy")
def backward(key: int, seen: Any, d: Any, settings: Any, out: Any) -> float:
    """Drive columns with d, shape (columns,), and fill `out`, shape (rows,)."""
    return _convert(key, d, seen, False, settings, out)


@njit(cache=True, error_model="numpy", inline="always")
def _scale_of(x: Any) -> Any:
    largest = float32(0.0)
    for k in range(x.size):
        largest = max(largest, abs(x[k]))
    return largest


@njit(cache=True, error_model="numpy")
def _convert(key: int, x: Any, seen: Any, columns_sensed: bool, settings: Any, out: Any) -> float:
    """Quantise inputs, multiply, add noise, quantise outputs; halve the inputs until no output is cut off.

    `settings`: input step, output step, output bound, output noise, most halvings (float32).
    """
    scale = _scale_of(x)
    if scale == float32(0.0):
        out[:] = 0.0
        return 0.0
    step_in, step_out, bound, noise = settings[0], settings[1], settings[2], settings[3]
    driven = np.empty(x.size, np.float32)
    factor = scale
    for attempt in range(int(settings[4]) + 1):
        for k in range(x.size):
            driven[k] = np.rint(x[k] / factor / step_in) * step_in
        if columns_sensed:
            _add_rows(driven, seen, out)
        else:
            for i in range(out.size):
                out[i] = _dot(seen[i], driven)
        clipped = _finish(key, out, step_out, bound, noise)
        if not clipped or attempt == int(settings[4]):
            break
        factor *= float32(2.0)
        key += 1
    for j in range(out.size):
        out[j] *= factor
    return float(factor)


@njit(cache=True, error_model="numpy", inline="always")
def _finish(key: int, out: Any, step_out: Any, bound: Any, noise: Any) -> bool:
    """Add noise, quantise and limit outputs; return whether one was cut off."""
    word = uint32(mix(uint64(key)))
    clipped = False
    for j in range(out.size):
        y = out[j] + noise * _deviate(word, uint32(j))
        y = np.rint(y / step_out) * step_out
        clipped = clipped or y > bound or y < -bound
        out[j] = min(max(y, -bound), bound)
    return clipped


@njit(cache=True, error_model="numpy")
def _add_rows(driven: Any, seen: Any, out: Any) -> None:
    """Set out to the sum of rows times their inputs, eight rows at a time so that the sums are loaded and stored an eighth as often."""
    rows = driven.size
    out[:] = 0.0
    whole = rows - rows % 8
    for i in range(0, whole, 8):
        a, b, c, d = driven[i], driven[i + 1], driven[i + 2], driven[i + 3]
        e, f, g, h = driven[i + 4], driven[i + 5], driven[i + 6], driven[i + 7]
        r0, r1, r2, r3 = seen[i], seen[i + 1], seen[i + 2], seen[i + 3]
        r4, r5, r6, r7 = seen[i + 4], seen[i + 5], seen[i + 6], seen[i + 7]
        for j in range(out.size):
            first = (a * r0[j] + b * r1[j]) + (c * r2[j] + d * r3[j])
            out[j] += first + ((e * r4[j] + f * r5[j]) + (g * r6[j] + h * r7[j]))
    for i in range(whole, rows):
        for j in range(out.size):
            out[j] += driven[i] * seen[i, j]


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(a: Any, b: Any) -> Any:
    """Return the scalar product of two float32 vectors.

    The processor's vector width decides the order of the sum: its last bit may differ between kinds of processors, never between runs or
    numbers of threads.
    """
    total = float32(0.0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@njit(cache=True, parallel=True, error_model="numpy")
def quantise_inputs(x: Any, step: float, driven: Any, scales: Any) -> None:
    """Scale every case, shape (cases, lines), to 1 and quantise it."""
    for case in prange(x.shape[0]):
        scale = _scale_of(x[case])
        scales[case] = scale
        inverse = float32(1.0) / (scale * float32(step)) if scale > float32(0.0) else float32(0.0)
        for k in range(x.shape[1]):
            driven[case, k] = np.rint(x[case, k] * inverse) * float32(step)


@njit(cache=True, parallel=True, error_model="numpy")
def finish_outputs(key: int, y: Any, settings: Any, scales: Any, clipped: Any) -> None:
    """Add noise to every case's outputs, quantise, limit and scale them; mark the cases in which one was cut off."""
    step_out, bound, noise = settings[1], settings[2], settings[3]
    for case in prange(y.shape[0]):
        clipped[case] = _finish(key + case * 64, y[case], step_out, bound, noise)
        for j in range(y.shape[1]):
            y[case, j] *= scales[case]
