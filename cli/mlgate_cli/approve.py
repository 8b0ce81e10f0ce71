"""Sign that one resource may be replaced or deleted by promotions until the approval expires. The refusal of a promotion names it.

Whoever signs must have a key that the environment's trust policy allows for it.

Example: mlgate approve 'urn:pulumi:local::mlgate::a:b:C::old' --id old-1 --operation delete --lasts "1 h" --reason WHY
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlgate_cli.options import EnvironmentName, environment_named
from mlgate_cli.output import JsonFlag, print_json, say


def command(
    urn: Annotated[str, typer.Argument(metavar="URN", help="The resource, as the refusal names it.")],
    id_: Annotated[str, typer.Option("--id", help="What the cloud calls it, as the refusal names it.")],
    operation: Annotated[str, typer.Option("--operation", help="What may be done to it: replace or delete.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence.")],
    lasts: Annotated[str, typer.Option("--lasts", help="How long it holds, such as '1 h'.")],
    key: Annotated[Path | None, typer.Option("--key", help="The private key (PEM); default: that of the environment.")] = None,
    environment: EnvironmentName = "local",
    as_json: JsonFlag = False,
) -> None:
    from mlgate import UsageError
    from mlgate.quantities import parse_duration
    from mlgate_delivery.approval import approve
    from mlgate_evidence.locks import current_user
    from mlgate_evidence.signer import KeyFileSigner

    place = environment_named(environment)
    try:
        lasts_ns = parse_duration(lasts)
    except ValueError as error:
        raise UsageError(str(error), where="--lasts", remedy="write it as in --lasts '1 h'") from None
    signer = KeyFileSigner(key or place.signing_key)
    path = approve(place, signer, urn=urn, id=id_, operation=operation, reason=reason, by=current_user(), lasts_ns=lasts_ns)
    if as_json:
        print_json({"approval": str(path), "urn": urn, "id": id_, "operation": operation, "keyid": signer.keyid})
    else:
        say(f"{operation} of {urn} ({id_}) is approved for {lasts}, in {path}")
