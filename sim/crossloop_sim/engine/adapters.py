"""Source around a model, so that one harness serves every engine."""

from __future__ import annotations

import re
from pathlib import Path

from crossloop_sim.engine.boundary import INPUTS, OUTPUTS, READY, SAMPLES, Boundary
from crossloop_sim.engine.errors import EngineError

HARNESS = Path(__file__).parent / "harness.c"


def mangle(name: str) -> str:
    """Return the C++ name that CXXRTL gives to a port."""
    return "p_" + "".join(char if char.isalnum() else "__" if char == "_" else f"_{ord(char):02x}_" for char in name)


def verilated(name: str) -> str:
    """Return the C++ name that Verilator gives to a port."""
    return name.replace("__", "___05F")


def c_source(boundary: Boundary, model: str) -> str:
    """Return the translation unit for a model of `cgen`."""
    life = """static cl_model *cl_model_create(void) { return (cl_model *)calloc(1, sizeof(cl_model)); }
static void cl_model_destroy(cl_model *s) { free(s); }
"""
    return "\n".join([_macros(boundary), "#include <stdlib.h>", model, life, _stubs(boundary), HARNESS.read_text()])


def cxxrtl_source(boundary: Boundary, model: str) -> str:
    """Return the translation unit for what `write_cxxrtl` wrote.

    The clock input stays high and its remembered level is set low before each edge, so one evaluation makes a rising
    edge. That is exact as long as every evaluation converges at once, which write_cxxrtl announces by warnings.
    """
    lines = ["typedef cxxrtl_design::p_top cl_model;"]
    for name in boundary.driven:
        port = f"s->{mangle(name)}"
        lines.append(f"static inline void set_{name}(cl_model *s, uint64_t value) {{ {port}.set<uint64_t>(value); }}")
    settle = False
    for name in boundary.watched:
        declared = re.search(rf"/\*(\w+)\*/ (wire|value)<(\d+)> {mangle(name)};", model)
        if declared is None:
            raise EngineError(f"write_cxxrtl left out the port {name}; report it, and use engine='native'")
        registered = declared[2] == "wire"
        settle = settle or not registered
        port = f"s->{mangle(name)}.curr" if registered else f"s->{mangle(name)}"
        chunks = -(-int(declared[3]) // 32)
        lines.append(f"static inline uint64_t get_{name}(const cl_model *s, int word) {{")
        lines.append(f"    uint64_t low = 2 * word < {chunks} ? {port}.data[2 * word] : 0;")
        lines.append(f"    return low | (2 * word + 1 < {chunks} ? (uint64_t){port}.data[2 * word + 1] << 32 : 0);")
        lines.append("}")
    again = "    do { s->prev_p_clk.data[0] = 1; s->eval(nullptr); } while (s->commit());" if settle else ""
    lines += [
        "static cl_model *cl_model_create(void) { return new cl_model; }",
        "static void cl_model_destroy(cl_model *s) { delete s; }",
        "static inline void cl_model_step(cl_model *s) {",
        "    s->prev_p_clk.data[0] = 0;",
        "    s->eval(nullptr);",
        "    s->commit();",
        again,
        "}",
        "static void cl_model_reset(cl_model *s) {",
        "    s->reset();",
        "    s->p_clk.data[0] = 1;",
        "    do { s->prev_p_clk.data[0] = 1; s->eval(nullptr); } while (s->commit());",
        "}",
    ]
    return "\n".join([_macros(boundary), model, *lines, _stubs(boundary), HARNESS.read_text()])


VERILATOR_LIFE = """static cl_model *cl_model_create(void) { return new cl_model(new VerilatedContext); }
static void cl_model_destroy(cl_model *s) { VerilatedContext *c = s->contextp(); s->final(); delete s; delete c; }
static inline void cl_model_step(cl_model *s) { s->clk = 1; s->eval(); s->clk = 0; s->eval(); }
static void cl_model_reset(cl_model *s) {
    VerilatedContext *c = s->contextp();
    s->~Vtop();
    new (s) cl_model(c);
    s->clk = 0;
    s->eval();
}
"""
COVERAGE_LIFE = """#include <algorithm>
#include "Vtop___024root.h"
#include "Vtop__Syms.h"
#include "verilated_cov.h"
static constexpr size_t CL_POINTS = sizeof(Vtop__Syms::__Vcoverage) / sizeof(uint32_t);
static uint64_t cl_reached[CL_POINTS];   /* the sum over all simulations of this process that have ended */
static inline uint32_t *cl_counts(cl_model *s) { return s->rootp->vlSymsp->__Vcoverage; }
static void cl_collect(cl_model *s) { for (size_t i = 0; i < CL_POINTS; i++) cl_reached[i] += cl_counts(s)[i]; }
static cl_model *cl_model_create(void) {
    cl_model *s = new cl_model(new VerilatedContext);
    s->eval();
    /* What signals are at power-on is no change of theirs. */
    std::fill_n(cl_counts(s), CL_POINTS, 0);
    return s;
}
static void cl_model_destroy(cl_model *s) {
    cl_collect(s);
    VerilatedContext *c = s->contextp();
    s->final();
    delete s;
    delete c;
}
static inline void cl_model_step(cl_model *s) { s->clk = 1; s->eval(); s->clk = 0; s->eval(); }
static void cl_model_reset(cl_model *s) {
#ifdef CL_UART
    s->uart_rx = 1;
#endif
    s->rst = 1;
    cl_model_step(s);
    s->rst = 0;
    s->eval();
}
extern "C" __attribute__((visibility("default"))) void cl_coverage_write(const char *path) {
    cl_model *s = cl_model_create();
    for (size_t i = 0; i < CL_POINTS; i++) cl_counts(s)[i] = (uint32_t)std::min<uint64_t>(cl_reached[i], UINT32_MAX);
    s->contextp()->coveragep()->write(path);
    std::fill_n(cl_counts(s), CL_POINTS, 0);
    cl_model_destroy(s);
}
"""
"""As above, but `rst` is a port, and a reset is one cycle of it: memories keep what they hold. Counters are summed before they go."""


def verilator_source(boundary: Boundary, life: str = VERILATOR_LIFE) -> str:
    """Return the translation unit for the class `Vtop` of Verilator; `life` makes, steps, resets and destroys one."""
    lines = ['#include "Vtop.h"', '#include "verilated.h"', "typedef Vtop cl_model;"]
    lines += [
        f"static inline void set_{name}(cl_model *s, uint64_t value) {{ s->{verilated(name)} = value; }}"
        for name in boundary.driven
    ]
    for name in boundary.watched:
        width = boundary.outputs[name]
        lines.append(f"static inline uint64_t get_{name}(const cl_model *s, int word) {{")
        if width <= 64:
            lines.append(f"    return word ? 0 : s->{verilated(name)};")
        else:
            chunks = -(-width // 32)
            lines.append(f"    uint64_t low = 2 * word < {chunks} ? s->{verilated(name)}.m_storage[2 * word] : 0;")
            lines.append(
                f"    return low | (2 * word + 1 < {chunks} ? (uint64_t)s->{verilated(name)}.m_storage[2 * word + 1] << 32 : 0);"
            )
        lines.append("}")
    return "\n".join(["#include <new>", _macros(boundary), *lines, life, _stubs(boundary), HARNESS.read_text()])


def _macros(boundary: Boundary) -> str:
    lines = [f"#define {name} {value}" for name, value in boundary.macros.items()]
    return "\n".join([*lines, *(["#define CL_UART"] if boundary.uart else [])])


def _stubs(boundary: Boundary) -> str:
    """Return what the harness calls for ports that the component lacks: inputs take nothing, outputs stay 0, streams are always ready."""
    lines = [
        f"static inline uint64_t get_{name}(const cl_model *s, int word) {{ (void)s; (void)word; return 0; }}"
        for name in (*OUTPUTS, *(SAMPLES if boundary.array_inside else ()))
        if name not in boundary.watched
    ]
    lines += [
        f"static inline void set_{name}(cl_model *s, uint64_t value) {{ (void)s; (void)value; }}"
        for name in (*INPUTS, *(() if boundary.array_inside else SAMPLES))
        if name not in boundary.driven
    ]
    for name in READY:
        if name == "tx__ready" and name not in boundary.driven:
            lines.append(f"static inline void set_{name}(cl_model *s, uint64_t value) {{ (void)s; (void)value; }}")
        elif name != "tx__ready" and name not in boundary.watched:
            lines.append(
                f"static inline uint64_t get_{name}(const cl_model *s, int word) {{ (void)s; (void)word; return 1; }}"
            )
    return "\n".join(lines)
