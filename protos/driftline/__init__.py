"""The vocabulary of driftline: the fact schema, its reflection, and the wire.

Errors::

    FactsError(ValueError)      a Facts message that breaks the schema's rules
    PathError(ValueError)       text that is not a path
"""
