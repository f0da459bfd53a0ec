"""Stimuli for the bus-functional models, and what feeds them with recorded pins."""
