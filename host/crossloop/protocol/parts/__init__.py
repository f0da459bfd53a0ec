"""Facts of the front end's parts, each with its source and mark, and the timing that follows from them."""
