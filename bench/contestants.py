"""Who is measured: awsiam, and the peers from PyPI in a virtual environment of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from measuring import CannotMeasure, Cost, WrongResult

HERE = Path(__file__).resolve().parent
PACKAGES = ["boto3", "awscli"]


@dataclass(frozen=True)
class Peers:
    """boto3 and the AWS CLI, as `pip install` brings them: byte-compiled, nothing else beside them."""

    folder: Path
    versions: str

    @classmethod
    def installed(cls) -> Peers:
        """The peers; installed from PyPI on first use. Delete `bench/.peers` for newer ones."""
        folder = HERE / ".peers" / f"python-{sys.version_info.major}.{sys.version_info.minor}"
        complete = folder / "versions"
        if not complete.exists():
            print(f"installing {' and '.join(PACKAGES)} from PyPI into {folder}", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            try:
                venv.create(folder, with_pip=True)
                pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
                subprocess.run([*pip, "install", "--quiet", *PACKAGES], check=True, stdout=sys.stderr)
                listed = subprocess.run([*pip, "list", "--format=json"], check=True, capture_output=True, text=True)
            except (OSError, subprocess.CalledProcessError) as problem:
                raise CannotMeasure(f"the peers cannot be installed: {problem}") from problem
            versions = {package["name"]: package["version"] for package in json.loads(listed.stdout)}
            python = ".".join(map(str, sys.version_info[:3]))
            complete.write_text(", ".join([*(f"{name} {versions[name]}" for name in PACKAGES), f"Python {python}"]))
        return cls(folder, complete.read_text())

    def boto3(self, script: str, *arguments: str) -> list[str]:
        """The command that runs a script of `peers/`."""
        return [str(self.folder / "bin/python"), str(HERE / "peers" / script), *arguments]

    def aws_cli(self, *arguments: str) -> list[str]:
        """The command that runs the AWS CLI."""
        return [str(self.folder / "bin/python"), str(self.folder / "bin/aws"), *arguments]


@dataclass(frozen=True)
class Key:
    """An access key. All of them are made up."""

    id: str
    secret: str


@dataclass(frozen=True)
class Arena:
    """What every benchmark works with."""

    binary: Path
    peers: Peers
    scratch: Path

    def awsiam(self, action: str, parameters: dict, key: Key) -> list[str]:
        """The command that runs an action, the way a platform starts it but for the request, which is in a file."""
        return self.awsiam_on(action, [parameters], key)

    def awsiam_on(self, action: str, sets: list[dict], key: Key) -> list[str]:
        """The same with many parameter sets."""
        request = {
            "action": action,
            "config": {"access_key": key.id, "secret_key": key.secret},
            "parameters": sets,
        }
        path = self.scratch / f"{action.replace(' ', '_')}-{len(sets)}.json"
        path.write_text(json.dumps(request))
        return [str(self.binary), "run", "--log-level", "off", str(path)]

    def environment(self, endpoint: str, key: Key) -> dict[str, str]:
        """The same clean environment for everyone: no configuration files, proxies or metadata services."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": key.id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }


def read_reply(name: str, cost: Cost) -> object:
    """What a contestant printed, as JSON; of awsiam, the result of its one parameter set."""
    if cost.exit_code != 0:
        said = (cost.stderr or cost.stdout).strip()[-500:]
        raise WrongResult(f"{name} ended with {cost.exit_code}: {said}")
    try:
        reply = json.loads(cost.stdout)
        if name.startswith("awsiam"):
            (reply,) = reply["result_data"]
            if reply["status"] != "success":
                raise WrongResult(f"{name} failed: {reply['message']}")
        return reply
    except (ValueError, KeyError) as problem:
        raise WrongResult(f"{name} printed no result: {problem!r}") from problem
