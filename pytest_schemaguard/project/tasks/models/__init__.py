"""What the models are: found, imported, and told as values."""
