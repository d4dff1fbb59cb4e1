"""Transferability scores: what weights promise downstream, before anything is trained on them.

`greendapt.transfer.scores.base` says what a score is, ``by_name`` which there are, ``evidence`` how
a network and images become what scores look at.
"""
