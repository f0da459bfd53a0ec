"""C source of a netlist: a state structure, power-on, ports, and the function that evaluates one rising clock edge."""

from __future__ import annotations

from collections import defaultdict

from crossloop_sim.engine.expressions import CellWriter, extend, literal, words
from crossloop_sim.engine.netlist import Bits, Net, Netlist
from crossloop_sim.engine.stepping import StepWriter, read_registers

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
        self._step = StepWriter(netlist)

    def source(self) -> str:
        """Return the whole model: `cl_model`, `cl_model_reset`, `cl_model_step`, `set_*` and `get_*`."""
        settle, getters = self._ports()
        step = [*self._step.source(), "    cl_settle(s);" if self._settled() else "", "}", ""]
        return "\n".join([PRELUDE, *self._state(), *settle, *self._reset(), *step, *getters, ""])

    def _state(self) -> list[str]:
        lines = ["typedef struct {"]
        nets = [Net(f"in_{name}", len(bits)) for name, bits in self._netlist.inputs.items()]
        nets += [Net(f"out_{name}", len(self._outputs[name])) for name in self._settled()]
        nets += [cell.net for cell in self._netlist.flip_flops if cell.net is not None]
        nets += [net for memory in self._netlist.memories for net, _ in read_registers(memory)]
        lines += [f"    uint64_t {name};" for net in nets for name in net.words]
        lines += [f"    uint64_t {name};" for name in self._step.kept]
        lines.append(f"    uint64_t todo[{self._step.flags}];")
        for memory in self._netlist.memories:
            assert memory.net is not None
            narrow = memory.net.width <= 8
            kind = "uint8_t" if narrow else "uint16_t" if memory.net.width <= 16 else "uint64_t"
            lines += [f"    {kind} {name}[{memory.integer('SIZE')}];" for name in memory.net.words]
        return [*lines, "} cl_model;", ""]

    def _reset(self) -> list[str]:
        lines = ["static void cl_model_reset(cl_model *s) {", "    memset(s, 0, sizeof *s);",
                 "    memset(s->todo, 0xff, sizeof s->todo);"]  # fmt: skip
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

    def _load(self) -> list[str]:
        """Name the present value of every register and input; the compiler drops those that nobody reads."""
        nets = {net.name: net for net, _ in self._netlist.driver.values() if net.name[0] in "qri"}
        return [f"    const uint64_t {name} = s->{name}; (void){name};" for net in nets.values() for name in net.words]

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
            place = f"s->{net.word(0)}"
            wake = " ".join([f"{place} = value;", *self._step.wake(net.word(0), "s->todo[{}]")])
            getters.append(f"static inline void set_{name}(cl_model *s, uint64_t value) {{")
            getters.append(f"    if ({place} != value) {{ {wake} }}\n}}")
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
