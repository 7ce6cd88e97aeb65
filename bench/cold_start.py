"""Cold start: what one `get user` costs from the start of the process to its end, over https.

A platform starts awsiam once per action, so this is paid every time: loading, reading the system's trust roots, TLS
handshakes, three calls, the result. The server is on this machine and answers at once with canned replies, so that
next to everything that is measured is the client.

Fair, because boto3 makes the same three calls in the smallest script that can, everyone checks the server's
certificate against all the system's roots plus the server's own, in one bundle, and everyone's reply is checked. The
AWS CLI makes one call a process; the three calls would take it three processes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Iterator

from contestants import HERE, Arena, Key, read_reply
from measuring import CannotMeasure, Cost, WrongResult, median, run, side_by_side
from report import Claim, Section, at_most, beside, figure
from servers import canned_https, throwaway_ca

NAME = "cold-start"
RUNS = 21

KEY = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
BUNDLES = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
]


def measure(arena: Arena, runs: int) -> Iterator[Section]:
    folder = arena.scratch / "tls"
    certificates = throwaway_ca.make(folder)
    system = next((Path(path) for path in BUNDLES if Path(path).exists()), None)
    if system is None:
        raise CannotMeasure("this system has no trust roots where they are looked for; install ca-certificates")
    own = certificates.authority.read_text()
    bundle = folder / "bundle.pem"
    bundle.write_text(system.read_text() + "\n" + own)
    roots = bundle.read_text().count("BEGIN CERTIFICATE")

    serving = [sys.executable, str(HERE / "servers/canned_https.py"), str(certificates.server),
               str(certificates.server_key)]
    server = subprocess.Popen(serving, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        if not port:
            raise CannotMeasure("the canned server did not start")
        common = arena.environment(f"https://127.0.0.1:{port}", KEY)
        # The one file that awsiam reads of itself where the system has it, with the server's authority added.
        one_bundle = {**common, "AWS_CA_BUNDLE": str(bundle)}
        get_user = arena.awsiam("get user", {"username": canned_https.USER}, KEY)
        contestants = {
            "awsiam": (get_user, one_bundle),
            "boto3": (arena.peers.boto3("get_user.py", canned_https.USER), one_bundle),
            "AWS CLI, one call": (arena.peers.aws_cli("iam", "get-user", "--user-name", canned_https.USER), one_bundle),
        }

        def one(name: str) -> Cost:
            cost = run(*contestants[name])
            check(name, read_reply(name, cost))
            return cost

        measured = side_by_side(list(contestants), runs, one, NAME)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    yield section(arena, measured, runs, roots)


def check(name: str, reply: object) -> None:
    """The reply says what the server said."""
    if name.startswith("awsiam"):
        (reply,) = reply["data"]
    found = [reply.get("User", {}).get("UserName")]
    expected = [canned_https.USER]
    if not name.startswith("AWS CLI"):
        found += [group["GroupName"] for group in reply.get("Groups", [])]
        found += [policy["PolicyArn"] for policy in reply.get("AttachedPolicies", [])]
        expected += canned_https.GROUPS + [f"arn:aws:iam::aws:policy/{name}" for name in canned_https.POLICIES]
    if found != expected:
        raise WrongResult(f"{name} says {found}, not {expected}")


def section(arena: Arena, measured: dict, runs: int, roots: int) -> Section:
    ours, boto3 = measured["awsiam"], measured["boto3"]
    figures = [("cpu_ms", "ms"), ("wall_ms", "ms"), ("peak_mb", "MB")]
    rows = [
        [name] + [beside(median(costs, figure), median(ours, figure), unit) for figure, unit in figures]
        for name, costs in measured.items()
    ]
    ratio = median(boto3, "cpu_ms") / median(ours, "cpu_ms")
    return Section(
        title=f"Cold start: one `get user` over https ({runs} runs each)",
        columns=["", "CPU", "wall", "peak memory"],
        rows=rows,
        claims=[
            at_most("CPU", median(ours, "cpu_ms"), 4, "ms"),
            at_most("peak memory", median(ours, "peak_mb"), 9, "MB"),
            Claim("CPU ≤ 1/60 of boto3's", f"1/{figure(ratio)}", ratio >= 60),
            at_most("size of the binary", arena.binary.stat().st_size / 1e6, 9, "MB"),
        ],
        remark=f"Three calls in one process, {roots} trust roots; the AWS CLI would need three processes, of which "
               "one is measured. All read the roots from the same single file.",
    )
