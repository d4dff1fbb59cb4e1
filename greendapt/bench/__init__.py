"""From a suite to a finished run: read, plan, execute, resume, sum up."""
