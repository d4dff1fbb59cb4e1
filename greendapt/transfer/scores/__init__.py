"""Transferability scores: what weights promise downstream, before anything is trained on them.

``score(name, evidence, seed)`` is the one interface; ``KINDS`` says what each score needs and
which way is better. Numpy only: features come from `greendapt.transfer.scores.extract`.
"""
