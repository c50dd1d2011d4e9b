"""What people are told, by which way, who looks after it, and what it turned out to be."""
