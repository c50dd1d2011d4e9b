"""What governs changes: the approval policy, standard changes, freezes."""
