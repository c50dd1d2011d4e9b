"""Devices that run no agent: the list, who may read them, and what was seen beside them."""
