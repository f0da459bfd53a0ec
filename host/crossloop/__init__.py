"""crossloop: hardware in the loop for analog memristive crossbar arrays."""
