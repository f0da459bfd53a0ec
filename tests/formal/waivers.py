"""Mutants that need not be noticed, each with its reason."""

WAIVERS = {
    "mutate -mode cnot0 -module top.component.lines -cell $98 -port Y -portbit 1 -ctrlbit 0 -wire driven -wirebit 1":
        "Line states: of two gate lines it confuses none with the second one alone, and `several` is 0 for both.",
    "mutate -mode cnot0 -module top.component.lines -cell $procmux$43 -port Y -portbit 1 -ctrlbit 0":
        "Line states: it moves the break timer of lines at rest only; every change sets it anew.",
    "mutate -mode const0 -module top.component -cell $28 -port A -portbit 1":
        "Deframer: of the counts that there are, 0 to 129 with 128 as the limit, it moves none across the limit.",
    "mutate -mode const1 -module top.component -cell reader -port o__valid -portbit 0 -wire o__valid$25 -wirebit 0":
        "Transmitter: it looks at the reader in its state PAYLOAD only, and there bytes are left and so offered.",
}  # fmt: skip
"""Yosys command without its `-src` options, and why the defect does no harm."""
