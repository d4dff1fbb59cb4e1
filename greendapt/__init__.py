"""greendapt: which way of adapting a pre-trained network is worth its carbon?"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from greendapt.api import Answer, Run, load_suite, read_run, resume, run
    from greendapt.meter import Meter
    from greendapt.suite.own_code import trust

_FROM = {
    **dict.fromkeys(("Answer", "Run", "load_suite", "read_run", "resume", "run"), "greendapt.api"),
    "Meter": "greendapt.meter",
    "trust": "greendapt.suite.own_code",
}
__all__ = ["Answer", "Meter", "Run", "load_suite", "read_run", "resume", "run", "trust"]

if not TYPE_CHECKING:  # a type checker sees the names above, and no others

    def __getattr__(name):
        """Imported when it is asked for: ``import greendapt`` is light."""
        if name not in _FROM:
            raise AttributeError(f"module 'greendapt' has no attribute '{name}'")
        return getattr(import_module(_FROM[name]), name)

    def __dir__():
        return sorted([*globals(), *_FROM])
