"""Topology: from what each end of a cable sees of the other to the links between CIs. Pure: no tables, no clock.

``ends`` says what a port is called and who a neighbour may be, ``sights`` what one CI sees at its ports, ``links`` how
the sights of all ends become links.
"""
