"""Policies that allow what nobody read, or to whom nobody named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlgate.policy_documents import listed, open_statements, statements
from mlgate_policies.documents import ATTACHED, GRANTS, IDENTITY, KEYS, RESOURCE
from mlgate_policies.resource import Resource, at, listed_at
from mlgate_policies.rule import EVERYWHERE, Rule

__all__ = ["RULES"]

# AWS Managed Policy Reference: those that allow all of a service, or all of them, are called so.
_ALL_OF_IT = re.compile(r"arn:aws[\w-]*:iam::aws:policy/.*(AdministratorAccess|PowerUserAccess|FullAccess)[\w-]*")
# AWS KMS Developer Guide, "Default key policy": without such a statement no policy of IAM counts for a key, and nobody may mend its own.
_ALL_OF_A_KEY = ["kms:*"]
_ROOT = re.compile(r"(arn:aws[\w-]*:iam::)?\d{12}(?(1):root)")
_SIGN_IN = "sts:AssumeRoleWithWebIdentity"
_HOLDS = re.compile(r"(ForAnyValue:)?String(Equals|EqualsIgnoreCase|Like)")
# What a subject begins with before anybody is named: GitHub (repo:), GitLab (project_path:), Kubernetes.
_KIND = re.compile(r"^(system:serviceaccount|[a-z_]+):")
_EVERYBODY = ("*", "all")  # the latter is what EC2 and RDS call it, and Systems Manager in either case


def _wildcard_actions(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    yield from _all_of_it(_held_by(resource, ATTACHED))
    for policy in (*_held_by(resource, IDENTITY), *_held_by(resource, RESOURCE)):
        for number, statement in _allowed(policy):
            if "NotAction" in statement:
                yield f"{number} allows all but {_told(statement['NotAction'])}"
            wild = [action for action in listed(statement.get("Action")) if isinstance(action, str) and set(action) & set("*?")]
            if wild and not (wild == _ALL_OF_A_KEY and resource.type in KEYS and _for_one_account(statement)):
                yield f"{number} allows {_told(wild)}"


def _for_one_account(statement: Mapping[str, Any]) -> bool:
    """Whether it leaves to the policies of IAM of one account what its identities may do."""
    principal = statement.get("Principal")
    accounts = listed(at(principal, "AWS"))
    return isinstance(principal, Mapping) and set(principal) == {"AWS"} and len(accounts) == 1 and bool(_ROOT.fullmatch(str(accounts[0])))


def _held_by(resource: Resource, table: Mapping[str, str]) -> list[Any]:
    """What stands where the table says that a resource of this type has it."""
    return _along(resource, table[resource.type]) if resource.type in table else []


def _along(resource: Resource, path: str) -> list[Any]:
    """What stands at the path, which goes through lists as well."""
    found: list[Any] = [resource.properties]
    for step in path.split("."):
        found = [each for value in found for each in listed_at(value, step)]
    return found


def _all_of_it(arns: Any) -> Iterator[str]:
    for arn in arns:
        if isinstance(arn, str) and _ALL_OF_IT.fullmatch(arn):
            yield f"it has {arn.partition('policy/')[2]}"


def _wildcard_principals(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    yield from _granted_to_everybody(resource)
    for policy in _held_by(resource, RESOURCE):
        anybody = list(open_statements(policy))
        for number, statement in _allowed(policy):
            if statement in anybody:
                yield f"{number} allows {_told(statement.get('Action', 'all but ' + _told(statement.get('NotAction'))))} to everybody"
            federated = listed(at(statement.get("Principal"), "Federated"))
            if federated and _SIGN_IN in listed(statement.get("Action")) and not _names_subjects(statement.get("Condition")):
                yield f"{number} lets in everybody whom {_told(federated)} knows: no condition on its sub names anybody"


def _granted_to_everybody(resource: Resource) -> Iterator[str]:
    if resource.type in GRANTS:
        who, narrowing = GRANTS[resource.type]
        if not any(resource.at(key) for key in narrowing):
            yield from (f"its {who} lets in {each}" for each in _along(resource, who) if str(each).lower() in _EVERYBODY)


def _names_subjects(condition: Any) -> bool:
    """Whether a part of it, all of which must hold, holds the sign-in to subjects of somebody who is named."""
    return any(
        key.lower().endswith(":sub") and all(_names_somebody(str(value)) for value in listed(values))
        for operator, tested in (condition.items() if isinstance(condition, Mapping) else ())
        if _HOLDS.fullmatch(operator) and isinstance(tested, Mapping)
        for key, values in tested.items()
    )


def _names_somebody(subject: str) -> bool:
    """`repo:*` is every repository there is, `repo:acme/*` those of one owner."""
    whose = re.split("[:/]", _KIND.sub("", subject))[0]
    return bool(whose) and not set(whose) & set("*?")


def _allowed(policy: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each statement that allows something, with how it is called."""
    for index, statement in enumerate(statements(policy)):
        if statement.get("Effect") == "Allow":
            yield f"statement {statement.get('Sid') or index + 1}", statement


def _told(words: Any) -> str:
    return ", ".join(map(str, listed(words)))


RULES = (
    Rule(
        name="wildcard-action",
        why="a pattern allows what nobody read, and whatever AWS adds to it later",
        remedy="list the actions that are used; name your own policy instead of one of AWS's that allows a whole service",
        levels=EVERYWHERE,
        types=frozenset({*IDENTITY, *ATTACHED, *RESOURCE}),
        check=_wildcard_actions,
    ),
    Rule(
        name="wildcard-principal",
        why="a policy that lets in everybody is only as safe as a secret that its resource's name is not",
        remedy="name the principals, or add a Condition that does (aws:PrincipalOrgID, the sub of an identity provider)",
        levels=EVERYWHERE,
        types=frozenset({*RESOURCE, *GRANTS}),
        check=_wildcard_principals,
    ),
)
