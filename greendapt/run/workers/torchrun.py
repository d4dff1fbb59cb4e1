"""What a process of torchrun does that is not the first: the same session, told what to do."""

from __future__ import annotations

from pathlib import Path

from greendapt.core.errors import GreendaptError
from greendapt.core.terminal import say
from greendapt.run.prepare import prepare_session
from greendapt.store.run import RunFolder
from greendapt.train.parallel import LostRank, Ranks


def follow(ranks: Ranks) -> int:
    """Help rank 0 until it is done. The exit code; only what went wrong here is said here."""
    try:
        nothing: str | None = None
        path = ranks.same(nothing)
        if path is not None:
            folder = RunFolder(Path(path))
            before = folder.read()
            prepare_session(before.suite, lambda _: None, before).assist(folder, ranks)
    except LostRank:  # rank 0 says it
        return 1
    except KeyboardInterrupt:
        return 130
    except GreendaptError as error:
        say(f"greendapt: rank {ranks.rank}: {error}")
        return error.exit_code
    except Exception as error:
        say(f"greendapt: rank {ranks.rank}: {type(error).__name__}: {error}")
        return 1
    return 0
