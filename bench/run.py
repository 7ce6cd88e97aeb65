#!/usr/bin/env python3
"""Measures awsiam beside its peers and prints the figures as Markdown.

    python3 bench/run.py [--bin target/release/awsiam] [--only NAME,…] [--runs N]

Times never make it fail: a claim that is not met is said so in the table. It exits with 1 only where something could
not be measured, or where awsiam or a peer gave a wrong result.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import tempfile
from pathlib import Path

import bulk
import cold_start
import growth
import list_users
import round_trips
from contestants import Arena, Peers
from measuring import CannotMeasure, WrongResult, cost_of_any_process

# A benchmark is a module with NAME, RUNS (how often each contestant runs unless --runs says otherwise) and
# measure(Arena, runs), which yields report.Section.
BENCHMARKS = [cold_start, round_trips, list_users, bulk, growth]

ROOT = Path(__file__).resolve().parent.parent


def arguments() -> argparse.Namespace:
    names = [benchmark.NAME for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(description="Measures awsiam beside its peers and prints the figures as Markdown.")
    parser.add_argument("--bin", type=Path, default=ROOT / "target/release/awsiam", metavar="FILE",
                        help="the awsiam to measure (default: target/release/awsiam)")
    parser.add_argument("--only", default=",".join(names), metavar="NAME,…", help=f"of {', '.join(names)}")
    parser.add_argument("--runs", type=int, metavar="N",
                        help="counted runs of each contestant (default: each benchmark's own)")
    chosen = parser.parse_args()
    chosen.only = chosen.only.split(",")
    unknown = [name for name in chosen.only if name not in names]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there is {', '.join(names)}")
    if chosen.runs is not None and chosen.runs < 1:
        parser.error("--runs must be 1 or more")
    if not os.access(chosen.bin, os.X_OK):
        parser.error(f"{chosen.bin} cannot be run; build it with `cargo build --release`, or name another with --bin")
    if sys.platform != "linux":
        parser.error("peak memory can only be measured on Linux here")
    return chosen


def main() -> int:
    chosen = arguments()
    failed = False
    with tempfile.TemporaryDirectory(prefix="awsiam-bench-") as scratch:
        try:
            peers = Peers.installed()
            floor = cost_of_any_process()
        except CannotMeasure as problem:
            print(f"Not measured: {problem}", file=sys.stderr)
            return 1
        arena = Arena(binary=chosen.bin.resolve(), peers=peers, scratch=Path(scratch))
        now = datetime.datetime.now(datetime.timezone.utc)
        print(f"# awsiam beside its peers\n\n"
              f"{now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, "
              f"{platform.system()} {platform.release()} {platform.machine()}. "
              f"Binary: `{chosen.bin}`, {arena.binary.stat().st_size / 1e6:.1f} MB. Peers: {peers.versions}. "
              f"Medians; × is how many times awsiam's. Starting any process at all costs {floor.cpu_ms:.1f} ms of CPU "
              f"and {floor.wall_ms:.1f} ms of time here, which every figure includes. 1 MB is 1,000,000 bytes.",
              flush=True)
        claims = []
        for benchmark in BENCHMARKS:
            if benchmark.NAME not in chosen.only:
                continue
            try:
                for section in benchmark.measure(arena, chosen.runs or benchmark.RUNS):
                    print(f"\n{section.markdown()}", flush=True)
                    claims += section.claims
            except (CannotMeasure, WrongResult) as problem:
                failed = True
                kind = "Wrong result" if isinstance(problem, WrongResult) else "Not measured"
                print(f"\n## {benchmark.NAME}\n\n**{kind}**: {problem}", flush=True)
        met = sum(claim.met for claim in claims)
        print(f"\n{met} of {len(claims)} claims met" + ("; not everything could be measured." if failed else "."))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
