"""The `emulated` front end: a fixed-point array in the fabric, which stands in for front end and cells on any board."""
