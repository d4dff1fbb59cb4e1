"""What would make a result meaningless: checks of datasets that are used together."""
