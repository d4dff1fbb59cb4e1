"""One process, started as one's own cluster might: it does all stages of a run in turn."""

import subprocess
import sys

from greendapt.run.workers.executor import left, unfinished
from greendapt.run.workers.job import Job


class OneProcess:
    def work(self, assignment, follower):
        keys = tuple(stage.key for stage in left(assignment))
        job = Job(str(assignment.folder.path), keys, dict(assignment.retry))
        command = [sys.executable, "-m", "greendapt.run.workers.job"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        process.stdin.write(job.as_json())
        process.stdin.close()
        follower.until(lambda: process.poll() is not None)
        if left(assignment):
            raise unfinished(assignment, "the process ended")


def one_process(options):
    del options
    return OneProcess()
