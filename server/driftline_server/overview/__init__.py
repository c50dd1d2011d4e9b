"""The whole in a few numbers, health."""
