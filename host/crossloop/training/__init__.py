"""Training inside the arrays: online backpropagation whose products and updates are physical, and the networks it is compared with."""
