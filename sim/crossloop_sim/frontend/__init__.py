"""The simulated front end: what stands between an array's lines and converter codes."""
