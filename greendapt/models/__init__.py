"""A timm backbone seen as an ordered list of blocks in stages; its weights; heads."""
