"""Devices that run no agent: each is a source of its own, and one agent at a time holds its lease and speaks for it.

Which agents may speak for a site's devices is an operator's decision (`allowing`). `leasing` gives the devices out,
`fencing` refuses who does not hold a lease, `targets` keeps what devices there are, `sightings` what was seen.
"""
