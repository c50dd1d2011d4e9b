"""``driftline-agent doctor``: looks at all that the agent needs and says in plain words what is wrong and the mend."""
