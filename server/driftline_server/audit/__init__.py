"""The audit trail's keys, signed heads and export; the list of entries is in `admin`."""
