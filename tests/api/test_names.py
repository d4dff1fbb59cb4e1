"""``greendapt.run`` is a function to whoever calls it, and a room to whoever imports from it."""

import subprocess
import sys


def test_run_can_be_called_before_and_after_its_room_is_imported():
    code = (
        "import greendapt, sys\n"
        "assert 'torch' not in sys.modules\n"
        "first = greendapt.run\n"
        "import greendapt.run.plan as plan\n"
        "assert callable(first) and callable(greendapt.run) and plan.cells\n"
        "for call in (first, greendapt.run):\n"
        "    try: call('no suite', progress=False)\n"
        "    except AttributeError as error: assert 'run' in str(error) or 'str' in str(error)\n"
        "    else: raise SystemExit('it took a string for a suite')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
