"""Engines: what executes the micro-ops that touch lines, levels, gates and converters."""
