"""Cells: models of what a pulse, time and a read do to a conductance. See `device` for their form, `presets` for their numbers."""
