"""Many at once: 500 users disabled in one request, IAM letting 100 calls a second through and throttling all others.

Measures whether a bulk run works at the account's limit, and whether it loses anything on the way. The bound is the
limit's own: as many seconds as the calls that went through make at that rate, less the first second's, which may come
at once.

Fair, because boto3's adaptive mode is the one that slows down when it is throttled. It makes fewer calls, since it
looks at nothing before or after: its bound is lower, and each is shown beside its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Iterator

from contestants import Arena
from measuring import WrongResult, run
from report import Claim, Section, at_most, figure
from servers.sandbox import OPERATOR, Sandbox, account

NAME = "bulk"
# It takes as long as the limit makes it; once is enough for a figure that does not depend on the machine.
RUNS = 1

LIMIT = 100
NAMES = [f"employee-{number:03}" for number in range(500)]
SEED = account([
    {
        "name": name,
        "login_profile": {"password": "not-a-real-Passw0rd!"},
        "access_keys": [{"id": f"AKIABENCHBULK{number:07}"}],
    }
    for number, name in enumerate(NAMES)
])
THROTTLED = [{"do": {"throttle-above": {"per_second": LIMIT}}}]


@dataclass(frozen=True)
class Campaign:
    """One run."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    calls: int
    throttled: int
    lost: int

    @property
    def bound_ms(self) -> float:
        return (self.calls - self.throttled - LIMIT) / LIMIT * 1e3


def measure(arena: Arena, runs: int) -> Iterator[Section]:
    targets = arena.scratch / "targets.json"
    targets.write_text(json.dumps(NAMES))
    commands = {
        "awsiam": arena.awsiam_on("disable user", [{"username": name} for name in NAMES], OPERATOR),
        "boto3": arena.peers.boto3("disable_users.py", str(targets)),
    }
    measured = {}
    with Sandbox(arena.binary) as sandbox:
        environment = arena.environment(sandbox.endpoint, OPERATOR)
        for _ in range(runs):
            for name, command in commands.items():
                sandbox.begin(SEED)
                sandbox.misbehave(THROTTLED)
                cost = run(command, environment)
                if cost.exit_code != 0:
                    raise WrongResult(f"{name} ended with {cost.exit_code}: {(cost.stderr or cost.stdout)[-500:]}")
                log = sandbox.log()
                throttled = sum(seen["code"] == "Throttling" for seen in log)
                lost = sum(alive(user) for user in sandbox.account()["users"])
                measured[name] = Campaign(cost.wall_ms, cost.cpu_ms, cost.peak_mb, len(log), throttled, lost)
    yield section(measured)


def alive(user: dict) -> bool:
    """Whether a user of the crowd has a password or a key that works."""
    keys = user.get("access_keys", [])
    works = bool(user.get("login_profile")) or any(key["status"] == "Active" for key in keys)
    return user["name"].startswith("employee-") and works


def section(measured: dict) -> Section:
    rows = [
        [name, f"{figure(one.wall_ms / 1e3)} s", f"{figure(one.bound_ms / 1e3)} s", figure(one.wall_ms / one.bound_ms),
         str(one.calls), str(one.throttled), str(one.lost), f"{figure(one.cpu_ms)} ms", f"{figure(one.peak_mb)} MB"]
        for name, one in measured.items()
    ]
    ours = measured["awsiam"]
    return Section(
        title=f"Many at once: {len(NAMES)} users disabled, {LIMIT} calls a second",
        columns=["", "wall", "the limit's bound", "ratio", "calls", "throttled", "changes lost", "CPU", "peak memory"],
        rows=rows,
        claims=[
            at_most("wall over the limit's bound", ours.wall_ms / ours.bound_ms, 1.2, "times"),
            Claim("no change lost", str(ours.lost), ours.lost == 0),
        ],
        remark="awsiam looks at each user, records, acts and looks again; the script just acts.",
    )
