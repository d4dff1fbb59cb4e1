"""What a suite will cost: calibrated here, or from the data sheet of another machine."""
