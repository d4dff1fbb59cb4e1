"""From joules to grams: grids, embodied carbon, and scores of carbon intensity."""
