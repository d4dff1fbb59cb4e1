"""From a suite to a finished run: plan, stages, workers, summary."""
