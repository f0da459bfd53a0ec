"""Front ends: what lies between the safety gate and the array."""
