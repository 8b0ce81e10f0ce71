"""What `docs/platform.md` says of the project's own prod: its parts, its bill, its roles and what stays of it, each from the code.

As of the day on which the price book was put together, so that the page changes with the code and not with the calendar.
"""

from __future__ import annotations

import datetime
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from platform_roles import CONTROLLERS, PEOPLE, controllers, people, said_of_people, with_policies

from mlgate.bill import Bill, Line, make_bill
from mlgate.platform import LEVELS, Platform
from mlgate.platform_files import read_platform, stack_file
from mlgate.prices import price_book
from mlgate.remains import Remaining, remaining
from mlgate_cli.recorded import Program, recorded_program
from mlgate_policies.cost import told
from mlgate_testkit.record import Graph

__all__ = ["bill_told", "sections"]

PROJECT = Path(__file__).resolve().parent.parent
_COMPONENTS = {
    "Network": ("the VPC, its subnets, the ways out and AWS's services at addresses inside", "network"),
    "Access": ("the roles of people and pipelines", "access"),
    "ModelStorage": ("where releases are kept", "storage"),
    "EvidenceStorage": ("where evidence is kept under lock, and the key that signs it", "storage"),
    "AuditTrail": ("the record of who read and wrote either", "storage"),
    "Cluster": ("EKS, what runs on every node, and the nodes of its own services", "cluster"),
    "ClusterAddons": ("Karpenter, KEDA, GPUs, metrics, certificates, load balancers, the way in", "cluster"),
    "GpuNodePool": ("nodes with GPUs, bought as its file says", "gpu"),
    "InterruptionQueue": ("what Karpenter hears of spot machines that are taken back", "gpu"),
    "Key": ("a KMS key for anything else: here, images", "storage"),
    "ImageRepository": ("a service's images", "access"),
    "ServiceIdentity": ("the role of a service's pods", "access"),
    "Permissions": ("what a role may do", "access"),
    "Budget": ("who hears when it costs more than it should", "cost"),
}


def sections() -> dict[str, str]:
    """The generated parts of the page by the name of their markers."""
    programs = {name: recorded_program(PROJECT, name) for name in LEVELS}
    platform, _ = read_platform(stack_file(PROJECT / "stacks", "prod"))
    prod = programs["prod"]
    graph = with_policies(PROJECT, platform)
    bill = _bill(prod)
    return {
        "parts": _parts(prod),
        "sums": _sums(programs),
        "bill": _costs(bill),
        "unknown": _unknown(bill),
        "pins": _pins(prod),
        "roles": _roles(platform, graph),
        "controllers": _table(CONTROLLERS, controllers(graph)),
        "remains": _remains(prod, bill),
    }


def bill_told() -> str:
    """The bill of prod as a preview with the policy pack tells it."""
    return told(_bill(recorded_program(PROJECT, "prod")))


def _bill(program: Program) -> Bill:
    book = price_book()
    return make_bill(program.resources, program.region, book, on=datetime.date.fromisoformat(book.written))


def _parts(program: Program) -> str:
    """The components, each with the resources that are its own and no part's of it."""
    found = {resource.urn: resource for resource in program.graph.resources}
    inside: Counter[str] = Counter()
    many: dict[str, list[str]] = defaultdict(list)
    for resource in program.graph.resources:
        if resource.type.startswith("mlgate:"):
            many[_short(resource.type)].append(resource.name)
        elif resource.custom and not resource.read and not resource.type.startswith("pulumi:"):
            parent = found.get(resource.parent_urn or "")
            while parent is not None and not parent.type.startswith("mlgate:"):
                parent = found.get(parent.parent_urn or "")
            inside[_short(parent.type) if parent else ""] += 1
    rows = [
        (f"[`{kind}`](platform-{_COMPONENTS[kind][1]}.md)", str(len(names)), str(inside[kind]), _COMPONENTS[kind][0])
        for kind, names in many.items()
    ]
    total = f"{sum(inside.values())} resources in {sum(map(len, many.values()))} components.\n\n"
    return total + _table(("component", "how many", "resources", "what for"), rows)


def _sums(programs: Mapping[str, Program]) -> str:
    bills = {name: _bill(program) for name, program in programs.items()}
    rows = [(f"`{name}`", *_cases(bill)) for name, bill in bills.items()]
    return _table(("a month, in USD", "min", "expected", "max"), rows, numbers=3)


def _costs(bill: Bill) -> str:
    """One row for what is of one kind."""
    kinds: dict[tuple[str, str], list[Line]] = {}
    for line in bill.lines:
        if not line.free and any(cost is not None for cost in line.cost.each()):
            kinds.setdefault((_short(line.type), line.what), []).append(line)
    rows = []
    for (kind, what), lines in kinds.items():
        costs = zip(*(line.cost.each() for line in lines), strict=True)
        cells = ["unknown" if None in case else _money(sum(case, Decimal(0))) for case in map(list, costs)]
        rows.append((f"{len(lines)} {kind}", what, *cells))
    rows.append(("**sum**", "", *(f"**{cell}**" for cell in _cases(bill))))
    oldest, newest = bill.dates or ("", "")
    said = f"In {bill.region}, 730 hours; prices of {oldest} to {newest}, put together {price_book().written}.\n"
    return f"{_table(('resources', 'what', 'min', 'expected', 'max'), rows, numbers=3)}\n{said}"


def _unknown(bill: Bill) -> str:
    """Why each sum is one of what is known: one row for each reason."""
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for line in bill.unknown:
        reasons[line.note][f"{_short(line.type)}: {line.what.split(',')[0]}"] += 1
    rows = [(why, "; ".join(f"{count} {what}" for what, count in kinds.items())) for why, kinds in reasons.items()]
    return _table(("why", "of what"), rows)


def _pins(program: Program) -> str:
    return _table(("pin", "what says it"), [(f"`{each.path}`", f"`{each.command}`") for each in program.unpinned])


def _roles(platform: Platform, graph: Graph) -> str:
    return f"{_table(PEOPLE, people(platform, graph))}\n{textwrap.fill(said_of_people(graph), 140)}\n"


def _remains(program: Program, bill: Bill) -> str:
    found = remaining(program.kept)
    rows = [(f"{_short(each.type)} `{each.name}`", each.holds, each.until) for each in found if each.holds]
    beside = Counter(_short(each.type) for each in found if not each.holds)
    named = ", ".join(f"{count} {kind}" for kind, count in sorted(beside.items()))
    said = textwrap.fill(f"Beside them what is set on them, and what they name or stand in: {named}.", 140)
    return f"{_table(('resource', 'holds', 'until'), rows)}\n{said}\n\n{_going_on(found, bill)}"


def _going_on(found: Iterable[Remaining], bill: Bill) -> str:
    """What that costs: the lines of the bill that are of it."""
    kept = {(each.type, each.name) for each in found}
    lines = [line for line in bill.lines if (line.type, line.name) in kept]
    costs: dict[str, list[Decimal]] = defaultdict(list)
    for line in lines:
        if line.cost.expected:
            costs[_short(line.type)].append(line.cost.expected)
    known = ", ".join(f"{len(each)} {kind} {_money(sum(each, Decimal(0)))}" for kind, each in costs.items())
    by_use, other = _kinds_of(lines, by_use=True), _kinds_of(lines, by_use=False)
    said = [
        *([f"It costs, in USD a month: {known}."] if known else []),
        *([f"By use, and so not known here: {by_use}."] if by_use else []),
        *([f"Of no known cost: {other}."] if other else []),
    ]
    return textwrap.fill(" ".join(said), 140) + "\n" if said else ""


def _kinds_of(lines: Iterable[Line], *, by_use: bool) -> str:
    """What of them is not known: since it depends on use, or for another reason."""
    unknown = (line for line in lines if not line.known and line.note.startswith("depends on use") is by_use)
    return ", ".join(dict.fromkeys(_short(line.type) for line in unknown))


def _cases(bill: Bill) -> list[str]:
    pairs = zip(bill.total.each(), bill.at_least.each(), strict=True)
    return [f"{'at least ' if left_out else ''}{_money(cost)}" for cost, left_out in pairs]


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"


def _short(token: str) -> str:
    return token.rpartition(":")[2]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """`numbers`: how many columns at the end are numbers."""
    line = f"|{'---|' * (len(head) - numbers)}{'--:|' * numbers}\n"
    first, *others = (f"| {' | '.join(cells)} |\n" for cells in [head, *rows])
    return "".join([first, line, *others])
