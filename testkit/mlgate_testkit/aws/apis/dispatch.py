"""A function in front of an API operation of moto: it answers in moto's place, or refuses, or lets moto go on.

What lies behind moto's own server is seen by everybody alike: by a program, and by the boto3 client that changes things by hand.
moto finds the operation, reads the parameters and writes the answer, all by botocore's service models.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse

__all__ = ["Operation", "Place", "Refused", "extended", "store_of"]

_LOCK = threading.RLock()  # moto answers from threads; a check and what it guards must not be torn apart


class Refused(ServiceException):
    """An API's refusal: `Refused(code, message)`. botocore's model of the service knows the code and its HTTP status."""


@dataclass(frozen=True, slots=True)
class Place:
    """One account in one region. `backend` is moto's own, of the service asked."""

    account: str
    region: str
    backend: Any

    @property
    def partition(self) -> str:
        """ "aws", "aws-cn" or "aws-us-gov"."""
        return str(self.backend.partition)

    def arn(self, service: str, resource: str) -> str:
        """An ARN here."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def store(self, kind: str) -> dict[str, Any]:
        """What we keep of that kind here; it goes when moto is reset."""
        return store_of(self.backend, kind)


Operation = Callable[[Place, dict[str, Any]], "dict[str, Any] | None"]
"""Parameters by their names in botocore; the answer likewise. None: moto goes on."""


def store_of(backend: Any, kind: str) -> dict[str, Any]:
    """Kept on moto's backend, since that is what a reset empties."""
    kinds: dict[str, dict[str, Any]] = vars(backend).setdefault("mlgate", {})
    return kinds.setdefault(kind, {})


def extended(
    base: type[BaseResponse], service: str, backends: Any, operations: Mapping[str, Operation], *, partition_wide: bool = False
) -> Callable[..., Any]:
    """moto's dispatcher of a service, with these operations in front of it. `partition_wide`: the service has no regions."""

    class Extended(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.service_name = service
            self.automated_parameter_parsing = True

        def call_action(self) -> Any:
            operation = operations.get(self._get_action())
            if operation is None:
                return super().call_action()
            where = self.partition if partition_wide else self.region
            place = Place(self.current_account, self.region, backends[self.current_account][where])
            with _LOCK:
                try:
                    answer = operation(place, dict(self.params))
                except ServiceException as refused:
                    answered = ActionResult(refused)
                else:
                    if answer is None:
                        return super().call_action()
                    answered = ActionResult(answer)
            status, headers, body = self.serialized(answered)
            headers, body = self._enrich_response(headers, body)
            return status, headers, body

    dispatch: Callable[..., Any] = Extended.dispatch
    return dispatch
