"""What a new deployment starts with."""
