"""Tables and claims as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Claim:
    """Something that the project says of itself, and what was measured."""

    text: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Section:
    """One table with the claims that it bears out, or not."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    claims: list[Claim] = field(default_factory=list)
    remark: str = ""

    def markdown(self) -> str:
        parts = [f"## {self.title}"]
        if self.remark:
            parts.append(self.remark)
        parts.append(table(self.columns, self.rows))
        if self.claims:
            rows = [[claim.text, claim.measured, "yes" if claim.met else "**no**"] for claim in self.claims]
            parts.append(table(["claim", "measured", "met"], rows))
        return "\n\n".join(parts)


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; every column but the first to the right."""
    rule = ["---"] + ["---:"] * (len(columns) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [columns, rule, *rows])


def beside(value: float, ours: float, unit: str) -> str:
    """A figure with how many times awsiam's it is."""
    ratio = f" (×{figure(value / ours)})" if ours and value != ours else ""
    return f"{figure(value)} {unit}{ratio}"


def figure(value: float) -> str:
    """A number to about three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def at_most(what: str, measured: float, limit: float, unit: str) -> Claim:
    """The claim that something is no more than a limit."""
    return Claim(f"{what} ≤ {limit:g} {unit}", f"{figure(measured)} {unit}", measured <= limit)
