"""All rules, and those that a project adds."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from mlgate.environment import project_folder
from mlgate.errors import UsageError
from mlgate.prices import OWN_FILE as PRICES
from mlgate.prices import project_book
from mlgate_policies import access, cost, disks, naming, network, storage, traffic
from mlgate_policies.rule import Rule

__all__ = ["OWN_FILE", "RULES", "rules_of"]

_BUT_COST: tuple[Rule, ...] = (*traffic.RULES, *storage.RULES, *disks.RULES, *access.RULES, *network.RULES, *naming.RULES)
RULES = (*_BUT_COST, *cost.RULES)

OWN_FILE = "policy_rules.py"


def rules_of(folder: Path) -> tuple[Rule, ...]:
    """The rules, those of costs at the project's own prices (`prices.yaml` beside its `Pulumi.yaml`, if it has that file), and those in
    `RULES` of its `policy_rules.py`, if it has that one.

    Raises UsageError for a file that has no such rules, or takes the name of a rule that there is, and as `project_book` for its prices.
    """
    project = project_folder(folder) or folder
    ours = _at_prices_of(project) if (project / PRICES).is_file() else RULES
    path = project / OWN_FILE
    if not path.exists():
        return ours
    spec = spec_from_file_location("policy_rules", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    own = getattr(module, "RULES", None)
    if not isinstance(own, list | tuple) or not all(isinstance(each, Rule) for each in own):
        raise UsageError(f"RULES is {own!r}", where=str(path), remedy="assign a tuple of mlgate_policies.rule.Rule to RULES")
    found = (*ours, *own)
    names = [rule.name for rule in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"there are two rules {', '.join(twice)}", where=str(path), remedy="give yours names of their own")
    return found


def _at_prices_of(project: Path) -> tuple[Rule, ...]:
    book = project_book(project)
    return (*_BUT_COST, *cost.rules_by(lambda: book))
