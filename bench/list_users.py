"""Large lists: `list users` of an account of 5,000 users, as many as AWS allows.

Measures whether the list is read in as few calls as IAM permits (1,000 a page) and what holding and printing it costs.

Fair, because boto3's paginator is told to ask for 1,000 a page too (by itself it would take 50 calls), both print every
user they got, and every name is compared. Wall time is mostly the server's and therefore shown but not claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

from contestants import Arena, read_reply
from measuring import Cost, WrongResult, median, run, side_by_side
from report import Claim, Section, at_most, beside
from servers.sandbox import OPERATOR, Sandbox, account

NAME = "list-users"
RUNS = 7

# With the operator, 5,000.
NAMES = [f"employee-{number:04}" for number in range(1, 5000)]
SEED = account([{"name": name, "path": "/employees/"} for name in NAMES])
EXPECTED = sorted([*NAMES, "awsiam-operator"])


@dataclass(frozen=True)
class Listing:
    """One run."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    calls: int


def measure(arena: Arena, runs: int) -> Iterator[Section]:
    commands = {
        "awsiam": arena.awsiam("list users", {}, OPERATOR),
        "boto3": arena.peers.boto3("list_users.py"),
    }
    with Sandbox(arena.binary) as sandbox:
        environment = arena.environment(sandbox.endpoint, OPERATOR)

        def one(name: str) -> Listing:
            sandbox.begin(SEED)
            cost = run(commands[name], environment)
            check(name, cost)
            calls = [seen for seen in sandbox.log() if seen["operation"] == "ListUsers"]
            return Listing(cost.wall_ms, cost.cpu_ms, cost.peak_mb, len(calls))

        measured = side_by_side(list(commands), runs, one, NAME)
    yield section(measured, runs)


def check(name: str, cost: Cost) -> None:
    """Every user is there, once."""
    reply = read_reply(name, cost)
    users = reply["data"] if name == "awsiam" else reply
    if sorted(user["UserName"] for user in users) != EXPECTED:
        raise WrongResult(f"{name} lists {len(users)} users, which are not the {len(EXPECTED)} that there are")


def section(measured: dict, runs: int) -> Section:
    ours = measured["awsiam"]
    figures = [("cpu_ms", "ms"), ("peak_mb", "MB"), ("wall_ms", "ms")]
    rows = [
        [name, f"{median(listings, 'calls'):g}"]
        + [beside(median(listings, figure), median(ours, figure), unit) for figure, unit in figures]
        for name, listings in measured.items()
    ]
    calls = median(ours, "calls")
    return Section(
        title=f"Large lists: `list users` of {len(EXPECTED):,} ({runs} runs each)",
        columns=["", "ListUsers calls", "CPU", "peak memory", "wall"],
        rows=rows,
        claims=[
            Claim("5 ListUsers calls", f"{calls:g}", calls == 5),
            at_most("peak memory", median(ours, "peak_mb"), 16, "MB"),
        ],
    )
