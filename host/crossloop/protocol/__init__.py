"""The contract between host and controller: frames, commands, micro-ops, records, registers, errors and conversions.

Declared once, here; gateware layouts, golden model, host packing and the reference tables in docs/ derive from it. Standard library only.
"""
