"""What the pins may show: safety properties checked on transcripts, by code that shares nothing with controller or model."""
