"""`awsiam sandbox` as the server for everyone: an IAM in memory that signs for what was done to it.

It serves awsiam and its peers alike; its own time is no part of what is compared.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

from contestants import Key
from measuring import CannotMeasure

OPERATOR = Key("AKIABENCHOPERATOR001", "not-a-real-secret-of-the-bench-operator")


def account(users: list[dict], groups: list[str] = ()) -> dict:
    """An account with an operator and these users, as the sandbox takes it."""
    operator = {
        "name": "awsiam-operator",
        "attached_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        "access_keys": [{"id": OPERATOR.id, "secret": OPERATOR.secret}],
    }
    return {"users": [operator, *users], "groups": [{"name": name} for name in groups]}


class Sandbox:
    """A sandbox on a free port, for a `with`."""

    def __init__(self, binary: Path) -> None:
        self._process = subprocess.Popen(
            [str(binary), "sandbox", "--log-level", "off"], stdout=subprocess.PIPE, text=True, env={}
        )
        first = self._process.stdout.readline()
        if not first.startswith("export AWS_ENDPOINT_URL="):
            self._process.kill()
            raise CannotMeasure(f"{binary} sandbox did not start; it said {first!r}")
        self.endpoint = first.split("=", 1)[1].strip()
        self.port = int(self.endpoint.rsplit(":", 1)[1])

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()

    def begin(self, seed: dict) -> None:
        """Makes the account this one, and empties the log."""
        self._control("POST", "reset", seed)

    def misbehave(self, faults: list[dict]) -> None:
        """Makes the sandbox behave badly in these ways."""
        self._control("PUT", "faults", faults)

    def account(self) -> dict:
        """The account as it is now."""
        return self._control("GET", "state")

    def log(self) -> list[dict]:
        """The requests since `begin`: their `operation`, the number of the `connection` that they came on, and more."""
        return self._control("GET", "log")

    def _control(self, method: str, what: str, body: dict | None = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{what}", data, method=method)
        # Never through a proxy, whatever the environment says: this is our own machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as reply:
                return json.load(reply)
        except OSError as problem:
            raise CannotMeasure(f"the sandbox's {what} cannot be used: {problem}") from problem
