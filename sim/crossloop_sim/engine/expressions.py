"""C expressions for the cells of a netlist, on 64-bit words."""

from __future__ import annotations

from collections.abc import Iterator

from crossloop_sim.engine.errors import EngineError
from crossloop_sim.engine.netlist import Bit, Bits, Cell, Netlist

COMPARE = {"$lt": "<", "$le": "<=", "$gt": ">", "$ge": ">="}
EQUAL = {"$eq": ("&", "=="), "$eqx": ("&", "=="), "$ne": ("|", "!="), "$nex": ("|", "!=")}
SHIFT = {"$shl": "left", "$sshl": "left", "$shr": "right", "$sshr": "right", "$shift": "both", "$shiftx": "both"}
FULL = (1 << 64) - 1


def literal(value: int) -> str:
    """Return a C constant."""
    return f"{value}" if value < 10 else f"{value:#x}ull"


def masked(text: str, width: int) -> str:
    """Return `text` without the bits above `width` (at most 64)."""
    return text if width >= 64 else f"({text}) & {literal((1 << width) - 1)}"


def extend(bits: Bits, width: int, *, signed: bool) -> Bits:
    """Return `bits` brought to `width` by cutting or by zero or sign extension."""
    fill: Bit = bits[-1] if signed and bits else "0"
    return bits[:width] + [fill] * (width - len(bits))


def gather(netlist: Netlist, bits: Bits) -> str:
    """Return an expression for at most 64 bits, whatever nets they come from."""
    constant, parts = 0, []
    for offset, length, bit in _runs(netlist, bits):
        if isinstance(bit, str) or bit not in netlist.driver:
            constant |= ((1 << length) - 1 if bit == "1" else 0) << offset
            continue
        net, index = netlist.driver[bit]
        low = index % 64
        text = f"{net.word(index // 64)} >> {low}" if low else net.word(index // 64)
        repeated = length > 1 and bits[offset] == bits[offset + 1]
        taken = 1 if repeated else length
        if taken < min(64, net.width - 64 * (index // 64)) - low:
            text = f"({text}) & {literal((1 << taken) - 1)}"
        if repeated:
            text = masked(f"(0 - ({text}))", length)
        parts.append(f"(({text}) << {offset})" if offset else f"({text})")
    if constant or not parts:
        parts.append(literal(constant))
    return parts[0] if len(parts) == 1 else "(" + " | ".join(parts) + ")"


def words(netlist: Netlist, bits: Bits) -> list[str]:
    """Return one expression per 64 bits, lowest first."""
    return [gather(netlist, bits[low : low + 64]) for low in range(0, len(bits), 64)]


def _runs(netlist: Netlist, bits: Bits) -> Iterator[tuple[int, int, Bit]]:
    """Cut into runs of equal constants, of one bit repeated, or of neighbours in one word of one net."""

    def place(bit: Bit) -> tuple[str, int]:
        if isinstance(bit, int) and bit in netlist.driver:
            net, index = netlist.driver[bit]
            return net.name, index
        return ("1" if bit == "1" else "0"), -1

    start = 0
    while start < len(bits):
        name, index = place(bits[start])
        end = start + 1
        if index < 0:
            while end < len(bits) and place(bits[end]) == (name, -1):
                end += 1
        elif end < len(bits) and bits[end] == bits[start]:
            while end < len(bits) and bits[end] == bits[start]:
                end += 1
        else:
            while end < len(bits) and (index + end - start) % 64 and place(bits[end]) == (name, index + end - start):
                end += 1
            if end < len(bits) and end - start > 1 and bits[end] == bits[end - 1]:
                end -= 1  # leave a sign bit to the run of its copies
        yield start, end - start, bits[start]
        start = end


class CellWriter:
    """Writes the statements that compute one cell."""

    def __init__(self, netlist: Netlist) -> None:
        self._netlist = netlist

    def statements(self, cell: Cell) -> list[str]:
        """Return C statements that define the words of `cell.net`."""
        net = cell.net
        assert net is not None
        width = net.width
        kind = cell.kind
        if kind in {"$and", "$or", "$xor", "$xnor", "$not", "$pos", "$neg", "$add", "$sub"}:
            values = self._word_wise(cell, width)
        elif kind in {"$mux", "$pmux"}:
            values = self._select(cell, width)
        elif kind in EQUAL or kind in COMPARE or kind.startswith(("$reduce_", "$logic_")):
            values = [self._flag(cell)] + ["0"] * ((width - 1) // 64)
        elif kind in SHIFT:
            return self._shift(cell, width)
        elif kind in {"$mul", "$div", "$mod", "$divfloor", "$modfloor"}:
            values = self._arithmetic(cell, width)
        elif kind == "$read":
            memory = cell.parameters["memory"]
            return [read_memory(self._netlist, memory, cell.pins["A"], name, at) for at, name in enumerate(net.words)]
        elif kind == "$bmux":
            values = self._table(cell, width)
        else:
            raise EngineError(
                f"the native engine does not know cells of type {kind}; report it, and use engine='cxxrtl' until then"
            )
        return [f"const uint64_t {name} = {value};" for name, value in zip(net.words, values, strict=True)]

    def _operand(self, cell: Cell, name: str, width: int) -> Bits:
        signed = cell.integer("A_SIGNED") and (cell.integer("B_SIGNED") or "B" not in cell.pins)
        return extend(cell.pins[name], width, signed=bool(signed))

    def _word_wise(self, cell: Cell, width: int) -> list[str]:
        a = words(self._netlist, self._operand(cell, "A", width))
        b = words(self._netlist, self._operand(cell, "B", width)) if "B" in cell.pins else a
        values: list[str] = []
        for at, (x, y) in enumerate(zip(a, b, strict=True)):
            match cell.kind:
                case "$and":
                    value = f"{x} & {y}"
                case "$or":
                    value = f"{x} | {y}"
                case "$xor":
                    value = f"{x} ^ {y}"
                case "$xnor":
                    value = f"~({x} ^ {y})"
                case "$not":
                    value = f"~{x}"
                case "$pos":
                    value = x
                case "$neg":
                    value = f"~{x} + 1" if not at else f"~{x} + ({' && '.join(f'!({low})' for low in a[:at])})"
                case "$add":
                    value = f"{x} + {y}" + (f" + {_carry(a, b, at)}" if at else "")
                case _:
                    value = f"{x} - {y}" + (f" - {_borrow(a, b, at)}" if at else "")
            free = cell.kind in {"$and", "$or", "$xor", "$pos"}
            values.append(value if free else masked(value, min(64, width - 64 * at)))
        return values

    def _select(self, cell: Cell, width: int) -> list[str]:
        values = words(self._netlist, cell.pins["A"])
        for at, select in enumerate(cell.pins["S"]):
            chosen = words(self._netlist, cell.pins["B"][at * width : (at + 1) * width])
            condition = gather(self._netlist, [select])
            values = [f"({condition} ? {new} : {old})" for new, old in zip(chosen, values, strict=True)]
        return values

    def _flag(self, cell: Cell) -> str:
        kind = cell.kind
        if kind in EQUAL or kind in COMPARE:
            width = max(len(cell.pins["A"]), len(cell.pins["B"]))
            signed = bool(cell.integer("A_SIGNED") and cell.integer("B_SIGNED"))
            if kind in COMPARE:
                width = -(-width // 64) * 64
            a = words(self._netlist, extend(cell.pins["A"], width, signed=signed))
            b = words(self._netlist, extend(cell.pins["B"], width, signed=signed))
            if kind in EQUAL:
                join, sign = EQUAL[kind]
                return f" {join} ".join(f"({x} {sign} {y})" for x, y in zip(a, b, strict=True))
            return _compare(a, b, COMPARE[kind], signed=signed)
        a = words(self._netlist, cell.pins["A"])
        any_a = f"(({' | '.join(a)}) != 0)"
        match kind:
            case "$reduce_or" | "$reduce_bool":
                return any_a
            case "$logic_not":
                return f"!{any_a}"
            case "$reduce_and":
                return " & ".join(
                    f"({word} == {literal((1 << min(64, len(cell.pins['A']) - 64 * at)) - 1)})"
                    for at, word in enumerate(a)
                )
            case "$reduce_xor" | "$reduce_xnor":
                parity = f"__builtin_parityll({' ^ '.join(a)})"
                return parity if kind == "$reduce_xor" else f"!{parity}"
            case "$logic_and" | "$logic_or":
                any_b = f"(({' | '.join(words(self._netlist, cell.pins['B']))}) != 0)"
                return f"{any_a} {'&' if kind == '$logic_and' else '|'} {any_b}"
        raise EngineError(f"the native engine does not know cells of type {kind}; report it")

    def _shift(self, cell: Cell, width: int) -> list[str]:
        net = cell.net
        assert net is not None
        direction = SHIFT[cell.kind]
        signed = bool(cell.integer("A_SIGNED"))
        amount_signed = direction == "both" and bool(cell.integer("B_SIGNED"))
        wide = max(width, len(cell.pins["A"])) if direction != "left" else width
        fill = gather(self._netlist, [cell.pins["A"][-1]]) if signed and cell.kind in {"$sshr", "$shift"} else "0"
        a = words(self._netlist, extend(cell.pins["A"], -(-wide // 64) * 64, signed=signed))
        amount_bits = extend(cell.pins["B"], 64, signed=amount_signed)
        amount = gather(self._netlist, amount_bits)
        how = 0 if direction == "left" else 2 if amount_signed else 1
        prefix = net.name
        lines = [
            f"const uint64_t {prefix}_a[{len(a)}] = {{{', '.join(a)}}};",
            f"uint64_t {prefix}_y[{len(a)}];",
            f"cl_shift({prefix}_y, {prefix}_a, {len(a)}, {amount}, {how}, {fill});",
        ]
        for at, name in enumerate(net.words):
            lines.append(f"const uint64_t {name} = {masked(f'{prefix}_y[{at}]', min(64, width - 64 * at))};")
        return lines

    def _arithmetic(self, cell: Cell, width: int) -> list[str]:
        widest = max(width, len(cell.pins["A"]), len(cell.pins["B"]))
        limit = 128 if cell.kind == "$mul" else 64
        if (width if cell.kind == "$mul" else widest) > limit:
            raise EngineError(
                f"the native engine takes {cell.kind[1:]} of at most {limit} bits, not {widest}; use engine='cxxrtl'"
            )
        if width > 64:
            double = [words(self._netlist, self._operand(cell, name, 128)) for name in ("A", "B")]
            x, y = (f"((unsigned __int128){high} << 64 | {low})" for low, high in double)
            return [f"(uint64_t)({x} * {y})", masked(f"(uint64_t)(({x} * {y}) >> 64)", width - 64)]
        a = gather(self._netlist, self._operand(cell, "A", 64))
        b = gather(self._netlist, self._operand(cell, "B", 64))
        if cell.kind == "$mul":
            return [masked(f"{a} * {b}", width)]
        signed = int(bool(cell.integer("A_SIGNED") and cell.integer("B_SIGNED")))
        name = {"$div": "cl_div", "$mod": "cl_mod", "$divfloor": "cl_divfloor", "$modfloor": "cl_modfloor"}[cell.kind]
        return [masked(f"{name}({a}, {b}, {signed})", width)]

    def _table(self, cell: Cell, width: int) -> list[str]:
        select = gather(self._netlist, cell.pins["S"])
        entries = [
            words(self._netlist, cell.pins["A"][low : low + width]) for low in range(0, len(cell.pins["A"]), width)
        ]
        values = entries[-1]
        for index in range(len(entries) - 2, -1, -1):
            values = [f"({select} == {index} ? {new} : {old})" for new, old in zip(entries[index], values, strict=True)]
        return values


def read_memory(netlist: Netlist, memory: Cell, address: Bits, name: str, word: int, *, declare: bool = True) -> str:
    """Return the statement that reads word `word` of a memory row into `name`; rows that do not exist read as 0."""
    assert memory.net is not None
    size, row = memory.integer("SIZE"), gather(netlist, address)
    value = f"s->{memory.net.word(word)}[{row}]"
    if size < 1 << len(address):
        value = f"({row} < {size} ? {value} : 0)"
    return f"{'const uint64_t ' if declare else ''}{name} = {value};"


def _carry(a: list[str], b: list[str], at: int) -> str:
    text = f"({a[0]} > UINT64_MAX - {b[0]})"
    for low in range(1, at):
        text = f"(((unsigned __int128){a[low]} + {b[low]} + {text}) >> 64 != 0)"
    return text


def _borrow(a: list[str], b: list[str], at: int) -> str:
    text = f"({a[0]} < {b[0]})"
    for low in range(1, at):
        text = f"(((unsigned __int128){a[low]} < (unsigned __int128){b[low]} + {text}))"
    return text


def _compare(a: list[str], b: list[str], sign: str, *, signed: bool) -> str:
    """Compare multi-word numbers, highest word first; only the highest is signed."""
    text = f"({a[0]} {sign} {b[0]})"
    for at in range(len(a)):
        x, y = a[at], b[at]
        if signed and at == len(a) - 1:
            x, y = f"(int64_t)({x})", f"(int64_t)({y})"
        text = f"({x} {sign} {y})" if not at else f"({x} != {y} ? {x} {sign[0]} {y} : {text})"
    return text
