"""The front end's parts as synthesizable models: pins in, levels, switches and conversions out, for the native RTL engine."""
