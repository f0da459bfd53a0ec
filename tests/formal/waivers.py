"""Mutants that need not be noticed, each with its reason."""

WAIVERS: dict[str, str] = {}
"""Yosys command without its `-src` options, and why the defect does no harm."""
