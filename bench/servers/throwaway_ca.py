"""A certificate authority for one run, with one certificate for 127.0.0.1; made by the `openssl` command."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measuring import CannotMeasure

CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
[name]
CN = awsiam benchmark, not to be trusted
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True)
class Certificates:
    """PEM files."""

    authority: Path
    server: Path
    server_key: Path


def make(folder: Path) -> Certificates:
    """Makes the authority and the server's certificate, P-256 like AWS's newer ones, valid for two days."""
    if shutil.which("openssl") is None:
        raise CannotMeasure("the certificates are made by the `openssl` command, which is not there; install openssl")
    folder.mkdir()
    (folder / "openssl.cnf").write_text(CONFIGURATION)

    def openssl(*arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotMeasure(f"openssl {arguments[0]} failed: {done.stderr.strip()[-500:]}")

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "openssl.cnf"]
    openssl("req", "-x509", *new_key, "-extensions", "authority", "-days", "2",
            "-keyout", "authority.key", "-out", "authority.pem")
    openssl("req", *new_key, "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
            "-CAcreateserial", "-extfile", "openssl.cnf", "-extensions", "server", "-days", "2", "-out", "server.pem")
    return Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
