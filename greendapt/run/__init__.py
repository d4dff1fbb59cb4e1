"""From a suite to a finished run: plan, stages, workers, summary.

The room shares its name with the function ``greendapt.run(suite)`` (`greendapt.api.run`): importing
anything of it puts it in that function's place, so it can be called and does the same.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return import_module("greendapt.api").run(*arguments, **options)


sys.modules[__name__].__class__ = _Room
