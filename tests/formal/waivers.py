"""Mutants that need not be noticed, each with its reason."""

WAIVERS = {
    "mutate -mode const1 -module top.component.lines -cell $procmux$15 -port B -portbit 0":
        "Line states: what a reset leaves as the next state of lines; a request sets it before it counts.",
    "mutate -mode const1 -module top.component.lines -cell $procmux$29 -port B -portbit 0":
        "Line states: on the way to the safe state nobody asks which family was changing; a request says it anew.",
    "mutate -mode const1 -module top.component.lines -cell $procmux$98 -port S -portbit 0":
        "Line states: at the end of a CONNECT the other selected input wins, at the end of a TILE the lines float anyhow.",
    "mutate -mode const0 -module top.component.lines -cell $procmux$9 -port A -portbit 0":
        "Line states: what was the next state of lines that have arrived; a request sets it before it counts.",
    "mutate -mode const1 -module top.component.lines -cell $procmux$214 -port A -portbit 1":
        "Line states: what lines that have arrived were changing to; nobody asks before it is set anew.",
    "mutate -mode const1 -module top.component.lines -cell $procmux$220 -port B -portbit 0":
        "Line states: what a reset leaves lines changing to; it is set before they change.",
    "mutate -mode const0 -module top.component -cell $28 -port A -portbit 1":
        "Deframer: of the counts that there are, 0 to 129 with 128 as the limit, it moves none across the limit.",
    "mutate -mode const1 -module top.component -cell reader -port o__valid -portbit 0 -wire o__valid$30 -wirebit 0":
        "Transmitter: it looks at the reader in its state PAYLOAD only, and there bytes are left and so offered.",
}  # fmt: skip
"""Yosys command without its `-src` options, and why the defect does no harm."""
