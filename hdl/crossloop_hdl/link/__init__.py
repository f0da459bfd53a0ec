"""The link: frames in, frames out, every request executed exactly once."""
