"""The agent's own file of devices, and the secrets that it refers to."""
