"""Runs a process and measures what it cost: wall, CPU, peak memory.

Peak memory needs care. Linux counts into a process's peak what its parent held when it was forked off, so a child
forked by this Python would never show less than this Python's own size. Each process is therefore forked off by a
small shell, which then ends; the process falls to us, its subreaper, and waits at a pipe until we let it go and start
the clock. So no figure holds anything of the harness but the shell's fork.
"""

from __future__ import annotations

import ctypes
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Mapping, Sequence

PR_SET_CHILD_SUBREAPER = 36
LONGEST_SECONDS = 120
LAUNCH = """
exec 3<&0
{ read -r _ <&3; exec "$@" </dev/null >"$STDOUT_TO" 2>"$STDERR_TO" 3<&-; } &
echo $!
"""


class CannotMeasure(Exception):
    """Something that a measurement needs is not there, or broke."""


class WrongResult(Exception):
    """A contestant did not do what was asked: its times mean nothing."""


@dataclass(frozen=True)
class Cost:
    """What one run of a process cost, and what it said."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    exit_code: int
    stdout: str
    stderr: str


def run(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Runs a command to its end. The environment is all that it gets."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise CannotMeasure("this process cannot become a subreaper")
    with tempfile.TemporaryDirectory(prefix="awsiam-bench-run-") as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        shell = subprocess.Popen(
            ["/bin/sh", "-c", LAUNCH, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, "STDOUT_TO": str(stdout), "STDERR_TO": str(stderr)},
        )
        pid = int(shell.stdout.readline())
        shell.stdout.close()
        shell.wait()
        watchdog = threading.Timer(LONGEST_SECONDS, os.kill, (pid, signal.SIGKILL))
        watchdog.start()
        started = time.perf_counter()
        shell.stdin.write(b"go\n")
        shell.stdin.close()
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - started
        watchdog.cancel()
        return Cost(
            wall_ms=wall * 1e3,
            cpu_ms=(usage.ru_utime + usage.ru_stime) * 1e3,
            peak_mb=usage.ru_maxrss * 1024 / 1e6,
            # Python 3.9's os.waitstatus_to_exitcode: negative for a signal.
            exit_code=os.waitstatus_to_exitcode(status),
            stdout=stdout.read_text() if stdout.exists() else "",
            stderr=stderr.read_text() if stderr.exists() else "",
        )


def cost_of_any_process(runs: int = 21) -> Cost:
    """What the smallest of processes costs: the floor below every figure."""
    costs = [run(["/bin/true"], {}) for _ in range(runs)]
    return Cost(median(costs, "wall_ms"), median(costs, "cpu_ms"), median(costs, "peak_mb"), 0, "", "")


def median(measured: Iterable[object], name: str) -> float:
    """The median of one figure."""
    return statistics.median(getattr(one, name) for one in measured)


def side_by_side(contestants: Sequence[str], runs: int, one: Callable[[str], object], what: str) -> dict:
    """What `one` brought for each contestant by name, in turn: A B A B …, so that whatever else the machine does hits
    all alike. The first turn warms up caches of files and byte code, and is not counted."""
    measured = {name: [] for name in contestants}
    for turn in range(-1, runs):
        if sys.stderr.isatty():
            print(f"\r{what}: {turn + 1}/{runs} ", end="" if turn + 1 < runs else "\n", file=sys.stderr, flush=True)
        for name in contestants:
            result = one(name)
            if turn >= 0:
                measured[name].append(result)
    return measured
