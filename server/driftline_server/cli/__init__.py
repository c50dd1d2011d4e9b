"""The `driftline` command: everything it shows and does goes through the REST API.

A module of this package that has a function `register(app)` adds commands; there is no list of them.
"""
