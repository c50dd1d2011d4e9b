"""The whole in a few numbers, findings, health."""
