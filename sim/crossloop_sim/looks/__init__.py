"""Pictures of the models: what a kind of cell, and wires around it, do. `crossloop model show PRESET` draws them."""
