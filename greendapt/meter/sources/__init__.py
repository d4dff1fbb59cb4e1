"""Where energy figures come from, one file a kind of counter or model."""
