"""What runs: leases, polls, traps, reports."""
