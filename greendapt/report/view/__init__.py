"""What a report says, computed once and drawn by every format."""
