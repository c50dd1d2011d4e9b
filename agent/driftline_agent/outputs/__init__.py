"""What commands print, made into facts: one file a command, found because it is there."""
