"""Profiles: what is known of families of devices, one YAML file each."""
