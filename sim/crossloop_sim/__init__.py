"""The simulated worlds: plant, golden model, compiled gateware, and the adapters of HDL simulators."""
