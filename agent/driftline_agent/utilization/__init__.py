"""Utilization: sampled every few seconds, aggregated to minutes on the host, packed for the wire."""
