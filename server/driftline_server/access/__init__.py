"""Who may do what: passwords, tokens, sessions, roles, login limits."""
