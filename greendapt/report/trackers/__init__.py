"""A finished run in other people's experiment trackers, one small file each."""
