"""What a suite may say, and how its file is read. No torch."""
