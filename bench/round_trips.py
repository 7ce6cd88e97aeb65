"""Distance: how long `disable user` and `delete user` take when IAM is 0, 20 and 100 ms away.

Containment is a race, and on a real line the round trips that have to be waited for one after the other decide it.
They are counted from the requests themselves, at a proxy that stands for the distance, in front of `awsiam sandbox`.
At 0 ms there is no proxy: the sandbox is called directly.

Fair, because the peer is a script with the same effect that does the least: it does not look at who it disables, keeps
no record and does not prove the result, all of which awsiam does and pays for (its record is fsynced). Both run in a
fresh process at the same distance from the same server, and after every run the account must be, to the letter,
what the action should have made of it. boto3 calls one after the other because that is how it is used; nothing keeps a
script from using threads.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Callable, Iterator

from contestants import Arena, read_reply
from measuring import WrongResult, median, run, side_by_side
from report import Claim, Section, beside, figure
from servers.distant import Distance, dependent_round_trips
from servers.sandbox import OPERATOR, Sandbox, account

NAME = "round-trips"
RUNS = 7

ROUND_TRIPS_MS = [0, 20, 100]
ALLOWANCE_MS = 20

ALICE = {
    "name": "alice",
    "login_profile": {"password": "not-a-real-Passw0rd!"},
    "access_keys": [{"id": "AKIABENCHALICE000001"}, {"id": "AKIABENCHALICE000002"}],
    "groups": ["admins", "developers"],
    "attached_policies": ["arn:aws:iam::aws:policy/IAMFullAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"],
}
SEED = account([ALICE], groups=["admins", "developers"])


@dataclass(frozen=True)
class Subject:
    """An action, the peer's script, what the account must be afterwards, and the round trips that are claimed."""

    action: str
    script: str
    claimed: int
    effect: Callable[[dict], None]
    parameters: dict = field(default_factory=dict)


def disabled(user: dict) -> None:
    del user["login_profile"]
    for key in user["access_keys"]:
        key["status"] = "Inactive"


SUBJECTS = [
    Subject("disable user", "disable_user.py", 3, disabled),
    Subject("delete user", "delete_user.py", 5, lambda user: user.clear(), {"evidence": "changes"}),
    # One more to read when its keys were last used, which nothing tells afterwards.
    Subject("delete user", "delete_user.py", 6, lambda user: user.clear()),
]


@dataclass(frozen=True)
class Journey:
    """One run."""

    wall_ms: float
    cpu_ms: float
    dependent: int
    requests: int
    connections: int


def measure(arena: Arena, runs: int) -> Iterator[Section]:
    with Sandbox(arena.binary) as sandbox:
        distance = Distance(sandbox.port)
        for subject in SUBJECTS:
            measured = {}
            for round_trip in ROUND_TRIPS_MS:
                distance.round_trip_ms = round_trip
                measured[round_trip] = race(arena, sandbox, distance, subject, runs)
            yield section(subject, measured, runs)


def race(arena: Arena, sandbox: Sandbox, distance: Distance, subject: Subject, runs: int) -> dict:
    commands = {
        "awsiam": arena.awsiam(subject.action, {"username": ALICE["name"], **subject.parameters}, OPERATOR),
        "boto3": arena.peers.boto3(subject.script, ALICE["name"]),
    }
    environment = arena.environment(distance.endpoint if distance.round_trip_ms else sandbox.endpoint, OPERATOR)
    sandbox.begin(SEED)
    expected = after(sandbox.account(), subject)

    def one(name: str) -> Journey:
        sandbox.begin(SEED)
        distance.requests.clear()
        cost = run(commands[name], environment)
        read_reply(name, cost)
        if sandbox.account() != expected:
            raise WrongResult(f"after {name}'s {subject.action} the account is not what it should be")
        log = sandbox.log()
        connections = {seen["connection"] for seen in log}
        return Journey(cost.wall_ms, cost.cpu_ms, dependent_round_trips(distance.requests), len(log), len(connections))

    return side_by_side(list(commands), runs, one, f"{subject.action}, {distance.round_trip_ms:g} ms")


def after(before: dict, subject: Subject) -> dict:
    """The account with the action's effect, and no other."""
    account = copy.deepcopy(before)
    for user in account["users"]:
        if user["name"] == ALICE["name"]:
            subject.effect(user)
    account["users"] = [user for user in account["users"] if user]
    return account


def with_parameters(subject: Subject) -> str:
    return "".join(f" with {name} {value}" for name, value in subject.parameters.items())


def section(subject: Subject, measured: dict, runs: int) -> Section:
    rows, claims = [], []
    for round_trip, journeys in measured.items():
        ours = journeys["awsiam"]
        for name, theirs in journeys.items():
            rows.append([
                f"{round_trip} ms",
                name,
                beside(median(theirs, "wall_ms"), median(ours, "wall_ms"), "ms"),
                f"{median(theirs, 'dependent'):g}" if round_trip else "–",
                f"{median(theirs, 'requests'):g}",
                f"{median(theirs, 'connections'):g}",
                beside(median(theirs, "cpu_ms"), median(ours, "cpu_ms"), "ms"),
            ])
        if round_trip:
            waited = median(ours, "dependent")
            text = f"{subject.claimed} dependent round trips at {round_trip} ms"
            claims.append(Claim(text, f"{waited:g}", waited <= subject.claimed))
        wall, limit = median(ours, "wall_ms"), subject.claimed * round_trip + ALLOWANCE_MS
        text = f"wall ≤ {subject.claimed} × {round_trip} ms + {ALLOWANCE_MS} ms = {limit} ms"
        claims.append(Claim(text, f"{figure(wall)} ms", wall <= limit))
    return Section(
        title=f"Distance: `{subject.action}`{with_parameters(subject)} ({runs} runs each)",
        columns=["round trip", "", "wall", "dependent round trips", "requests", "connections", "CPU"],
        rows=rows,
        claims=claims,
        remark="A user with a password, two access keys, two groups and two attached policies, no MFA. awsiam looks, "
               "records, acts and looks again; the script just acts.",
    )
