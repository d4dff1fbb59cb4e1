"""How each objective of a phase is done: one file a kind."""
