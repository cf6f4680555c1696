"""What the watch found at each look."""
