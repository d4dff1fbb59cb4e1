"""What the disk holds: whole files or none, and large arrays as memory maps."""
