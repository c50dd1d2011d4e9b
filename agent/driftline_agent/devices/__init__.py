"""Devices that an agent speaks for. Nothing of this is imported unless devices are configured."""
