"""Arithmetic: registers, vectors and comparisons, for programs that decide without the host."""
