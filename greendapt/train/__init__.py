"""The one training loop, its objectives, and the constant-prefix cache."""
