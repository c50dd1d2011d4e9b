"""What several topics and outputs know of package managers: formats of their databases, and what lies beside them."""
