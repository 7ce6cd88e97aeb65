"""Growth: what 1, 10, 100 and 1,000 parameter sets cost, in time and memory, for each of them.

Measures whether a bulk run's memory stays flat: with `--jsonl` each result is written and forgotten; without it, the
document has to be held. There is no peer: how a script grows is the script's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Iterator

from contestants import Arena
from measuring import WrongResult, median, run, side_by_side
from report import Claim, Section, figure
from servers.sandbox import OPERATOR, Sandbox, account

NAME = "growth"
RUNS = 3

SIZES = [1, 10, 100, 1000]
NAMES = [f"employee-{number:04}" for number in range(SIZES[-1])]
SEED = account([{"name": name} for name in NAMES])


@dataclass(frozen=True)
class Growth:
    """One run."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float


def measure(arena: Arena, runs: int) -> Iterator[Section]:
    rows, peaks = [], {}
    with Sandbox(arena.binary) as sandbox:
        environment = arena.environment(sandbox.endpoint, OPERATOR)
        sandbox.begin(SEED)
        for size in SIZES:
            command = arena.awsiam_on("get user", [{"username": name} for name in NAMES[:size]], OPERATOR)
            ways = {"one document": command, "--jsonl": [*command[:2], "--jsonl", *command[2:]]}

            def one(way: str) -> Growth:
                cost = run(ways[way], environment)
                last = json.loads(cost.stdout.splitlines()[-1])
                if last["result_summary"]["total_objects_successful"] != size:
                    raise WrongResult(f"of {size}: {last['message']}")
                return Growth(cost.wall_ms, cost.cpu_ms, cost.peak_mb)

            for way, measured in side_by_side(list(ways), runs, one, f"{size} sets").items():
                peaks[way, size] = median(measured, "peak_mb")
                each = [median(measured, what) / size for what in ("wall_ms", "cpu_ms")]
                rows.append([str(size), way, *(f"{figure(value)} ms" for value in each),
                             f"{figure(peaks[way, size])} MB"])
    more = (peaks["--jsonl", SIZES[-1]] - peaks["--jsonl", SIZES[-2]]) * 1e3 / (SIZES[-1] - SIZES[-2])
    yield Section(
        title=f"Growth: `get user` with many parameter sets ({runs} runs each)",
        columns=["parameter sets", "", "wall for each", "CPU for each", "peak memory in all"],
        rows=rows,
        claims=[Claim("--jsonl: ≤ 2 kB more for each further set", f"{figure(more)} kB", more <= 2)],
    )
