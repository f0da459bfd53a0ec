"""Random arrays, and ngspice to compare them with: shared by tests and benchmarks."""
