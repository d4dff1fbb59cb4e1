"""Images decoded and resized once a machine, then read as a memory map."""
