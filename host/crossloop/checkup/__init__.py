"""A board's self-test over its link: who it is, whether line and memories are sound, and whether an array inside it obeys its law."""
