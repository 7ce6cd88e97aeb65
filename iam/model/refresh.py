#!/usr/bin/env python3
"""Writes iam-2010-05-08.json anew from a botocore release.

    python3 iam/model/refresh.py [VERSION]

Downloads the release into a temporary folder (nothing is installed), drops the documentation texts and what the
table does not use, and writes the rest with sorted operations and shapes."""
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile
import zipfile

TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "iam-2010-05-08.json")
METADATA = ["apiVersion", "endpointPrefix", "globalEndpoint", "protocol", "serviceId", "xmlNamespace"]
SHAPE = ["type", "required", "members", "member", "key", "value", "min", "max", "pattern", "enum", "sensitive", "error", "exception"]


def name(reference):
    return reference["shape"] if isinstance(reference, dict) else reference


def shape(of):
    out = {key: of[key] for key in SHAPE if key in of}
    if "members" in out:
        out["members"] = {member: name(reference) for member, reference in out["members"].items()}
    for key in ("member", "key", "value"):
        if key in out:
            out[key] = name(out[key])
    return out


def operation(of):
    out = {key: {k: v for k, v in of[key].items() if k in ("shape", "resultWrapper")} for key in ("input", "output") if key in of}
    if "errors" in of:
        out["errors"] = [name(error) for error in of["errors"]]
    return out


def main():
    package = "botocore" + (f"=={sys.argv[1]}" if len(sys.argv) > 1 else "")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, package])
        wheel = zipfile.ZipFile(glob.glob(folder + "/*.whl")[0])

        def read(file):
            path = f"botocore/data/iam/2010-05-08/{file}.json"
            return json.loads(gzip.decompress(wheel.read(path + ".gz")) if path + ".gz" in wheel.namelist() else wheel.read(path))

        service, pages, waiters = read("service-2"), read("paginators-1"), read("waiters-2")
    metadata = service["metadata"]
    metadata["xmlNamespace"] = metadata["xmlNamespace"]["uri"] if isinstance(metadata["xmlNamespace"], dict) else metadata["xmlNamespace"]
    model = {
        "metadata": {key: metadata[key] for key in METADATA if key in metadata},
        "operations": {key: operation(of) for key, of in sorted(service["operations"].items())},
        "shapes": {key: shape(of) for key, of in sorted(service["shapes"].items())},
        "pagination": dict(sorted(pages["pagination"].items())),
        "waiters": waiters["waiters"],
    }
    with open(TARGET, "w") as file:
        json.dump(model, file, indent=0, ensure_ascii=False)
        file.write("\n")
    print(f"{TARGET}: {len(model['operations'])} operations, {len(model['shapes'])} shapes")


if __name__ == "__main__":
    main()
