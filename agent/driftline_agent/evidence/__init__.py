"""Evidence: what the host's own logs say about package transactions. It attributes changes and never explains them."""
