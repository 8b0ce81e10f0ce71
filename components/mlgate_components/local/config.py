"""What a stack's configuration says about its services, under the key `mlgate:services`.

It is written by `mlgate promote` and by people with `pulumi config set --path 'mlgate:services.digits.candidate' dist/digits-2`, so
all problems are reported at once and each names the path to set.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, ValidationError

from mlgate.documents import Declared, problems_of
from mlgate.errors import DeclarationError, Problem
from mlgate.release import Digest

KEY = "mlgate:services"
_NAME = re.compile("[a-z][a-z0-9-]{0,62}")


class ServiceConfig(Declared):
    """One service of the stack.

    `declaration`: path to its `service.yaml`, from the project's root; a candidate needs it, stable has the one it was promoted with.
    `stable`: the digest of the release that serves, which the ledger must know as promoted. `candidate`: the release under test, a packed
    folder or the digest of one in the model store.
    `weight`: percent of the traffic that goes to the candidate. `port`: of the stable URL; where it is not given, one is chosen once and
    kept for as long as the environment is there, over `down` and `up`.
    """

    declaration: Annotated[str, Field(min_length=1)] | None = None
    stable: Digest | None = None
    candidate: Annotated[str, Field(min_length=1)] | None = None
    weight: Annotated[float, Field(ge=0, le=100)] = 0
    port: Annotated[int, Field(ge=1024, le=65535)] | None = None


def read_services(value: Any) -> dict[str, ServiceConfig]:
    """The services by name; none where nothing is configured. Raises DeclarationError with every problem."""
    if not isinstance(value or {}, dict):
        raise DeclarationError(
            [Problem(KEY, f"is {value!r}", "services by name: pulumi config set --path 'mlgate:services.NAME.declaration' FILE")]
        )
    services: dict[str, ServiceConfig] = {}
    problems: list[Problem] = []
    for name, given in (value or {}).items():
        where = f"{KEY}.{name}"
        if not _NAME.fullmatch(str(name)):
            problems.append(Problem(where, f"{name!r} cannot name a service", "small letters, digits and '-', first a letter; at most 63"))
            continue
        try:
            services[name] = ServiceConfig.model_validate(given)
        except ValidationError as error:
            # Pulumi hands over values without lines: the path is the place.
            problems += [Problem(where, problem.found, problem.expected) for problem in problems_of(error, ServiceConfig, {(): 1}, where)]
    if problems:
        raise DeclarationError(problems)
    return services
