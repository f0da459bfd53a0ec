"""C source of a netlist: a state structure and a function that evaluates one rising clock edge.

Cells that only matter when a group of flip-flops is enabled are computed inside that group's `if`, so that idle parts
of a design cost nothing.
"""

from __future__ import annotations

from collections import defaultdict

from crossloop_sim.engine.expressions import CellWriter, extend, gather, literal, read_memory, words
from crossloop_sim.engine.netlist import Bit, Bits, Cell, Net, Netlist

PRELUDE = r"""#include <stdint.h>
#include <string.h>

/* how: 0 left, 1 right, 2 right or (negative amount) left */
static inline void cl_shift(uint64_t *y, const uint64_t *a, int words, uint64_t amount, int how, uint64_t fill) {
    uint64_t blank = (uint64_t)0 - fill;
    int left = how == 0;
    if (how == 2 && (int64_t)amount < 0) { left = 1; amount = (uint64_t)0 - amount; }
    if (left) blank = 0;
    if (words == 1) {
        if (amount > 63) y[0] = blank;
        else if (left) y[0] = a[0] << amount;
        else y[0] = a[0] >> amount | (amount ? blank << (64 - amount) : 0);
        return;
    }
    uint64_t whole = amount / 64, part = amount % 64;
    for (int at = 0; at < words; at++) {
        uint64_t low, high;
        if (left) {
            low = (uint64_t)at >= whole ? a[at - whole] : 0;
            high = (uint64_t)at >= whole + 1 ? a[at - whole - 1] : 0;
            y[at] = part ? low << part | high >> (64 - part) : low;
        } else {
            low = whole < (uint64_t)(words - at) ? a[at + whole] : blank;
            high = whole + 1 < (uint64_t)(words - at) ? a[at + whole + 1] : blank;
            y[at] = part ? low >> part | high << (64 - part) : low;
        }
    }
}
static inline uint64_t cl_div(uint64_t a, uint64_t b, int is_signed) {
    return !b ? 0 : !is_signed ? a / b : b == UINT64_MAX ? (uint64_t)0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}
static inline uint64_t cl_mod(uint64_t a, uint64_t b, int is_signed) {
    return !b ? 0 : !is_signed ? a % b : b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}
static inline uint64_t cl_divfloor(uint64_t a, uint64_t b, int is_signed) {
    uint64_t rest = cl_mod(a, b, is_signed);
    return cl_div(a, b, is_signed) - (is_signed && rest && (rest ^ b) >> 63);
}
static inline uint64_t cl_modfloor(uint64_t a, uint64_t b, int is_signed) {
    uint64_t rest = cl_mod(a, b, is_signed);
    return is_signed && rest && (rest ^ b) >> 63 ? rest + b : rest;
}
"""

Guard = tuple[Bit, ...]


class ModelWriter:
    """Writes the C model of one netlist.

    Parameters
    ----------
    netlist : Netlist
        The design.
    outputs : list of str
        Output ports that the harness looks at.
    """

    def __init__(self, netlist: Netlist, outputs: list[str]) -> None:
        self._netlist = netlist
        # Amaranth turns an output that nothing drives into an input; it reads as 0.
        self._outputs = {name: netlist.outputs.get(name) or netlist.inputs[name] for name in outputs}
        self._cells = CellWriter(netlist)
        self._guard_of: dict[str, Guard] = {}

    def source(self) -> str:
        """Return the whole model: `cl_model`, `cl_model_reset`, `cl_model_step`, `set_*` and `get_*`."""
        step = self._step()
        settle, getters = self._ports()
        return "\n".join([PRELUDE, *self._state(), *settle, *self._reset(), *step, *getters, ""])

    def _state(self) -> list[str]:
        lines = ["typedef struct {"]
        nets = [Net(f"in_{name}", len(bits)) for name, bits in self._netlist.inputs.items()]
        nets += [Net(f"out_{name}", len(self._outputs[name])) for name in self._settled()]
        nets += [cell.net for cell in self._netlist.flip_flops if cell.net is not None]
        nets += [net for memory in self._netlist.memories for net, *_ in self._reads(memory)]
        lines += [f"    uint64_t {name};" for net in nets for name in net.words]
        for memory in self._netlist.memories:
            assert memory.net is not None
            narrow = memory.net.width <= 8
            kind = "uint8_t" if narrow else "uint16_t" if memory.net.width <= 16 else "uint64_t"
            lines += [f"    {kind} {name}[{memory.integer('SIZE')}];" for name in memory.net.words]
        return [*lines, "} cl_model;", ""]

    def _reset(self) -> list[str]:
        lines = ["static void cl_model_reset(cl_model *s) {", "    memset(s, 0, sizeof *s);"]
        values: dict[Net, int] = defaultdict(int)
        for bit, value in self._netlist.init.items():
            if value and bit in self._netlist.driver:
                net, index = self._netlist.driver[bit]
                values[net] |= 1 << index
        for net, value in values.items():
            for at, name in enumerate(net.words):
                if value >> (64 * at) & (1 << 64) - 1:
                    lines.append(f"    s->{name} = {literal(value >> (64 * at) & (1 << 64) - 1)};")
        for memory in self._netlist.memories:
            assert memory.net is not None
            content_of_all, width = memory.integer("INIT"), memory.net.width
            for row in range(memory.integer("SIZE")):
                content = content_of_all >> (row * width) & (1 << width) - 1
                for at, name in enumerate(memory.net.words):
                    if content >> (64 * at) & (1 << 64) - 1:
                        lines.append(f"    s->{name}[{row}] = {literal(content >> (64 * at) & (1 << 64) - 1)};")
        return [*lines, "    cl_settle(s);" if self._settled() else "", "}", ""]

    def _guards(self) -> dict[Guard, list[Cell]]:
        """Group the flip-flops by enable, and decide which cells are only needed under one of them."""
        groups: dict[Guard, list[Cell]] = defaultdict(list)
        needs: dict[str, set[Guard]] = defaultdict(set)

        def need(bits: Bits, guard: Guard) -> None:
            for bit in bits:
                if isinstance(bit, int) and bit in self._netlist.driver:
                    needs[self._netlist.driver[bit][0].name].add(guard)

        for cell in self._netlist.flip_flops:
            guard: Guard = ()
            if "EN" in cell.pins:
                reset_too = cell.kind == "$sdffe"
                guard = (cell.pins["EN"][0], cell.integer("EN_POLARITY"))
                if reset_too:
                    guard += (cell.pins["SRST"][0], cell.integer("SRST_POLARITY"))
                need([bit for bit in guard[::2] if isinstance(bit, int)], ())
            groups[guard].append(cell)
            need(cell.pins["D"] + cell.pins.get("SRST", []), guard)
        for memory in self._netlist.memories:
            for name, bits in memory.pins.items():
                if name.startswith(("RD_ADDR", "RD_EN", "RD_SRST", "WR_")):
                    need(bits, ())
        for cell in reversed(self._netlist.cells):
            assert cell.net is not None
            wanted = needs.get(cell.net.name, set())
            if not wanted:
                self._guard_of[cell.net.name] = ("unused",)
                continue
            guard = next(iter(wanted)) if len(wanted) == 1 else ()
            self._guard_of[cell.net.name] = guard
            need(list(cell.inputs), guard)
        return groups

    def _step(self) -> list[str]:
        groups = self._guards()
        cells: dict[Guard, list[Cell]] = defaultdict(list)
        for cell in self._netlist.cells:
            assert cell.net is not None
            cells[self._guard_of[cell.net.name]].append(cell)
        lines = ["static inline void cl_model_step(cl_model *s) {", *self._load()]
        lines += [f"    {line}" for cell in cells[()] for line in self._cells.statements(cell)]
        for guard, members in sorted(groups.items(), key=lambda item: len(item[0])):
            if guard:
                lines.append(f"    if ({self._condition(guard)}) {{")
            lines += [
                f"    {line}" for cell in (cells[guard] if guard else []) for line in self._cells.statements(cell)
            ]
            lines += [f"    {line}" for cell in members for line in self._update(cell)]
            if guard:
                lines.append("    }")
        for memory in self._netlist.memories:
            lines += [f"    {line}" for line in self._update_memory(memory)]
        return [*lines, "    cl_settle(s);" if self._settled() else "", "}", ""]

    def _load(self) -> list[str]:
        """Name the present value of every register and input; the compiler drops those that nobody reads."""
        nets = {net.name: net for net, _ in self._netlist.driver.values() if net.name[0] in "qri"}
        return [f"    const uint64_t {name} = s->{name}; (void){name};" for net in nets.values() for name in net.words]

    def _condition(self, guard: Guard) -> str:
        terms = []
        for bit, polarity in zip(guard[::2], guard[1::2], strict=True):
            text = gather(self._netlist, [bit])
            terms.append(text if polarity else f"!{text}")
        return " | ".join(terms)

    def _update(self, cell: Cell) -> list[str]:
        assert cell.net is not None
        values = words(self._netlist, cell.pins["D"])
        if cell.kind == "$sdffe":
            enable = self._condition((cell.pins["EN"][0], cell.integer("EN_POLARITY")))
            values = [f"({enable} ? {value} : {name})" for value, name in zip(values, cell.net.words, strict=True)]
            if cell.pins["SRST"][0] in {"0", "1"}:
                values = words(self._netlist, cell.pins["D"])
        if "SRST" in cell.pins:
            reset = self._condition((cell.pins["SRST"][0], cell.integer("SRST_POLARITY")))
            value = cell.integer("SRST_VALUE")
            values = [
                f"({reset} ? {literal(value >> (64 * at) & (1 << 64) - 1)} : {text})" for at, text in enumerate(values)
            ]
        return [f"s->{name} = {value};" for name, value in zip(cell.net.words, values, strict=True)]

    def _reads(self, memory: Cell) -> list[tuple[Net, int]]:
        """Return the registers of the clocked read ports, each with the number of its port."""
        clocked, index = memory.integer("RD_CLK_ENABLE"), memory.parameters["index"]
        ports = range(memory.integer("RD_PORTS"))
        return [(Net(f"r{index}_{port}", memory.integer("WIDTH")), port) for port in ports if clocked >> port & 1]

    def _update_memory(self, memory: Cell) -> list[str]:
        """Read, then write (a transparent port sees the write of the same edge), lowest port number first."""
        assert memory.net is not None
        width, address_bits = memory.integer("WIDTH"), memory.integer("ABITS")
        write_ports = range(memory.integer("WR_PORTS"))
        lines: list[str] = []
        for net, port in self._reads(memory):
            address = memory.pins["RD_ADDR"][port * address_bits : (port + 1) * address_bits]
            lines.append(f"if ({gather(self._netlist, [memory.pins['RD_EN'][port]])}) {{")
            for at, name in enumerate(net.words):
                lines.append("    " + read_memory(self._netlist, memory, address, f"s->{name}", at, declare=False))
            for write in write_ports:
                if memory.integer("RD_TRANSPARENCY_MASK") >> (port * len(write_ports) + write) & 1:
                    other = memory.pins["WR_ADDR"][write * address_bits : (write + 1) * address_bits]
                    lines.append(f"    if ({gather(self._netlist, address)} == {gather(self._netlist, other)}) {{")
                    for data, enable, name in self._write_words(memory, write, net, width):
                        lines.append(f"        s->{name} = (s->{name} & ~{enable}) | ({data} & {enable});")
                    lines.append("    }")
            lines.append("}")
        for write in write_ports:
            address = memory.pins["WR_ADDR"][write * address_bits : (write + 1) * address_bits]
            row = gather(self._netlist, address)
            bound = f" && {row} < {memory.integer('SIZE')}" if memory.integer("SIZE") < 1 << len(address) else ""
            for data, enable, name in self._write_words(memory, write, memory.net, width):
                lines.append(
                    f"if ({enable}{bound}) s->{name}[{row}] = (s->{name}[{row}] & ~{enable}) | ({data} & {enable});"
                )
        return lines

    def _write_words(self, memory: Cell, port: int, target: Net, width: int) -> list[tuple[str, str, str]]:
        data = words(self._netlist, memory.pins["WR_DATA"][port * width : (port + 1) * width])
        enable = words(self._netlist, memory.pins["WR_EN"][port * width : (port + 1) * width])
        return list(zip(data, enable, target.words, strict=True))

    def _settled(self) -> list[str]:
        """Watched outputs that are not plain registers; they are computed after every edge, from the new state."""
        return [
            name
            for name in self._outputs
            if any(self._netlist.driver[bit][0].name in self._netlist.by_net
                   for bit in self._outputs[name] if isinstance(bit, int) and bit in self._netlist.driver)
        ]  # fmt: skip

    def _ports(self) -> tuple[list[str], list[str]]:
        settled = self._settled()
        lines: list[str] = []
        if settled:
            lines += ["static inline void cl_settle(cl_model *s) {", *self._load()]
            wanted: set[str] = set()
            pending: Bits = [bit for name in settled for bit in self._outputs[name]]
            while pending:
                bit = pending.pop()
                if isinstance(bit, int) and bit in self._netlist.driver:
                    cell = self._netlist.by_net.get(self._netlist.driver[bit][0].name)
                    if cell is not None and cell.net is not None and cell.net.name not in wanted:
                        wanted.add(cell.net.name)
                        pending += cell.inputs
            for cell in self._netlist.cells:
                if cell.net is not None and cell.net.name in wanted:
                    lines += [f"    {line}" for line in self._cells.statements(cell)]
            for name in settled:
                net = Net(f"out_{name}", len(self._outputs[name]))
                values = words(self._netlist, self._outputs[name])
                lines += [f"    s->{word} = {value};" for word, value in zip(net.words, values, strict=True)]
            lines += ["}", ""]
        getters: list[str] = []
        for name, bits in self._netlist.inputs.items():
            net = Net(f"in_{name}", len(bits))
            getters.append(
                f"static inline void set_{name}(cl_model *s, uint64_t value) {{ s->{net.word(0)} = value; }}"
            )
        for name in self._outputs:
            bits = self._outputs[name]
            if name in settled:
                values = [f"s->{word}" for word in Net(f"out_{name}", len(bits)).words]
            else:
                values = words(self._netlist, extend(bits, len(bits), signed=False))
            getters.append(f"static inline uint64_t get_{name}(const cl_model *s, int word) {{")
            if name not in settled:
                getters += self._load_for(bits)
            getters += [f"    if (word == {at}) return {value};" for at, value in enumerate(values)]
            getters += ["    (void)s; (void)word; return 0;", "}"]
        return lines, getters

    def _load_for(self, bits: Bits) -> list[str]:
        places = {
            self._netlist.driver[bit][0].word(self._netlist.driver[bit][1] // 64)
            for bit in bits
            if isinstance(bit, int) and bit in self._netlist.driver
        }
        return [f"    const uint64_t {name} = s->{name};" for name in sorted(places)]
