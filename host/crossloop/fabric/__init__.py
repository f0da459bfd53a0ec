"""Engines as programs: loops that decide in the fabric, from the write-verify ladder to the settle loop, started by one command."""
