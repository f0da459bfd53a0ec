"""Drivers of the front end's parts: one shifter, and one component per kind of part."""
