"""``python elsewhere.py COMMANDS``: greendapt without what only Linux, or only Unix, has.

COMMANDS: JSON, a list of argument lists; each runs in this one process. Prints JSON, a list of
[exit code, standard output, standard error]. ``fcntl`` is hidden from every package; the other
modules and attributes from greendapt alone, for other packages ask the true system.
"""

import builtins
import contextlib
import io
import json
import os
import re
import signal
import sys
import types

NO_MODULES = ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "readline")
NOT_IN_OS = re.compile(
    r"sched_.*|posix_.*|fork.*|(get|set)(res|e|)(uid|gid)|.*groups|waitid|wait[34]?|W[A-Z]+|P_.*|"
    r"killpg|setsid|[gs]etpg.*|[gs]etsid|sysconf.*|confstr.*|uname|getloadavg|f?statvfs|l?ch(own|flags|root)|"
    r"fch.*|mkfifo|mknod|[gs]etpriority|nice|pipe2|.*pty|sendfile|preadv?|pwritev?|ctermid|"
    r"O_(NOFOLLOW|DIRECTORY|NONBLOCK|CLOEXEC|SYNC|DSYNC|DIRECT|PATH|TMPFILE|NOATIME)|PRIO_.*|RTLD_.*"
)
NOT_IN_SIGNAL = re.compile(
    r"SIG(HUP|QUIT|USR[12]|KILL|ALRM|CHLD|PIPE|STOP|CONT|TSTP|TT..|WINCH)|.*itimer.*|alarm|"
    r"pthread.*|sig.*wait.*|pause"
)


def without(module, names):
    """A copy of a module that lacks them."""
    copy = types.ModuleType(module.__name__)
    vars(copy).update({k: v for k, v in vars(module).items() if not names.fullmatch(k)})
    return copy


def hide():
    sys.modules["fcntl"] = None
    real = builtins.__import__
    poor = {"os": without(os, NOT_IN_OS), "signal": without(signal, NOT_IN_SIGNAL)}

    def bring(name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0 and str((globals or {}).get("__name__", "")).startswith("greendapt"):
            if name in NO_MODULES:
                raise ModuleNotFoundError(f"No module named '{name}'", name=name)
            if name in poor:
                return poor[name]
        return real(name, globals, locals, fromlist, level)

    builtins.__import__ = bring


def run(arguments):
    from greendapt.cli.app import main

    sys.argv = ["greendapt", *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    hide()
    print(json.dumps([run(arguments) for arguments in json.loads(sys.argv[1])]))
