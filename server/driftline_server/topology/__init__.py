"""Topology: links between CIs, and what is seen at their ports that is no CI."""
