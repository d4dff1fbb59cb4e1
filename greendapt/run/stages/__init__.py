"""What a run is made of: one file a kind of stage."""
