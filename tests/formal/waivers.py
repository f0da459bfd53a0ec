"""Mutants that need not be noticed, each with its reason."""

WAIVERS = {
    "mutate -mode const1 -module top.component -cell reader -port o__valid -portbit 0 -wire o__valid$25 -wirebit 0":
        "Transmitter: it looks at the reader in its state PAYLOAD only, and there bytes are left and so offered.",
}  # fmt: skip
"""Yosys command without its `-src` options, and why the defect does no harm."""
