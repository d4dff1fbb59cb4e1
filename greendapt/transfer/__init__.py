"""What an adapted backbone is worth downstream: heads, fine-tuning, and how they are judged."""
