"""SNMP: one narrow interface (:mod:`.transport`), two transports, walking, traps."""
