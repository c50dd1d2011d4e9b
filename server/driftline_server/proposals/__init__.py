"""Services and relations proposed from what is seen, for people to confirm."""
