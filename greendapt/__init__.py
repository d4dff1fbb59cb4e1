"""greendapt: which way of adapting a pre-trained network is worth its carbon?"""

__version__ = "0.1.0"
