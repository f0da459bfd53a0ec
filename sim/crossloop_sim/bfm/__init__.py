"""Bus-functional models of the real parts: plain Python that takes pin edges in picoseconds, checks every minimum and behaves.

Each is written from the parts' data alone. They share nothing with the drivers: no constant of `crossloop.protocol`, no gateware and no
part model, so that a fact that one side has misread is found by the other (import-linter keeps it so). What no datasheet page said
is marked `?` in the tables, and a mode whose sequence is unknown is refused rather than guessed.
"""
