"""Mutants that need not be noticed, each with its reason."""

WAIVERS = {
    "mutate -mode const0 -module top.component.lines -cell $procmux$105 -port S -portbit 0":
        "Line states: a reset leaves what the lines were changing to; it is set before they change.",
    "mutate -mode inv -module top.component.lines -cell $procmux$41 -port B -portbit 0":
        "Line states: a reset leaves whether the break time is over; it is set before they change.",
    "mutate -mode const0 -module top.component -cell $28 -port A -portbit 1":
        "Deframer: of the counts that there are, 0 to 129 with 128 as the limit, it moves none across the limit.",
    "mutate -mode const1 -module top.component -cell reader -port o__valid -portbit 0 -wire o__valid$30 -wirebit 0":
        "Transmitter: it looks at the reader in its state PAYLOAD only, and there bytes are left and so offered.",
}  # fmt: skip
"""Yosys command without its `-src` options, and why the defect does no harm."""
