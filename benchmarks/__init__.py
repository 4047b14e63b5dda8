"""What it costs: measured against the libraries that people would use instead, and against size."""
