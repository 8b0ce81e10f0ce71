"""What goes over the wire: tensors by name, the field that answers, and how the caller proves who it is."""

from __future__ import annotations

import sys
from math import ceil, floor, prod
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mlgate.documents import Declared, contradictions

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$")]

_OF_THE_REQUEST = ("connection", "content-length", "content-type", "host", "transfer-encoding")


def _no_header_of_the_request(name: str) -> str:
    if name.lower() in _OF_THE_REQUEST:
        raise contradictions({(): ("every request carries that header already", "leave it out")})
    return name


# A token of RFC 9110, section 5.6.2: whatever else would end up as another header, or as none.
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"), AfterValidator(_no_header_of_the_request)]
Dtype = Literal["float32", "float64", "int32", "int64", "uint8", "bool"]
Shape = Annotated[tuple[int, ...], Field(min_length=1, strict=False)]

_FLOAT32_MAX = (2 - 2**-23) * 2.0**127
_LIMITS: dict[Dtype, tuple[float, float]] = {
    "float32": (-_FLOAT32_MAX, _FLOAT32_MAX),
    "float64": (-sys.float_info.max, sys.float_info.max),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 255),
    "bool": (0, 1),
}


def _check_shape(shape: tuple[int, ...]) -> None:
    if shape[0] != -1 or any(side < 1 for side in shape[1:]):
        raise ValueError(f"shape {list(shape)} must start with -1 (the batch) and go on with sides of at least 1")


class Tensor(Declared):
    """One input: element type, shape with the batch first as -1, and the bounds its elements keep (both ends included)."""

    dtype: Dtype = Field(description="the type of an element")
    shape: Shape = Field(description="-1 for the batch, then the shape of one case")
    at_least: float | None = Field(default=None, description="the least value of an element")
    at_most: float | None = Field(default=None, description="the largest value of an element")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_shape(self.shape)
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least} is over at_most {self.at_most}")
        lowest, highest = _LIMITS[self.dtype]
        low = lowest if self.at_least is None else max(self.at_least, lowest)
        high = highest if self.at_most is None else min(self.at_most, highest)
        if not self.dtype.startswith("float"):
            low, high = ceil(low), floor(high)
        if low > high:
            raise ValueError(f"no {self.dtype} keeps at_least {self.at_least} and at_most {self.at_most}")
        return self

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one case, without the batch."""
        return self.shape[1:]


class Output(Declared):
    """The field of the answer that is judged. `answer: argmax` makes its largest element's index the class; `none` keeps the number."""

    field: FieldName = Field(description="the name of the field")
    shape: Shape = Field(description="-1 for the batch, then the shape of the answer to one case")
    answer: Literal["argmax", "none"] = Field(default="none", description="what of it is judged: a class, or a number")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_shape(self.shape)
        if self.answer == "none" and prod(self.shape[1:]) != 1:
            raise ValueError(f"answer none takes one number a case, but shape {list(self.shape)} has {prod(self.shape[1:])}: use argmax")
        return self

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one case's answer, without the batch."""
        return self.shape[1:]


class Auth(Declared):
    """Names of environment variables that hold what the endpoint asks for; their values never enter rows, evidence or logs."""

    bearer: VariableName | None = Field(default=None, description="variable that holds a token")
    headers: dict[HeaderName, VariableName] = Field(default_factory=dict, description="variables that hold headers, by header name")
    ca: VariableName | None = Field(default=None, description="variable that holds the path of the authorities' certificates, PEM")
    client_certificate: VariableName | None = Field(default=None, description="variable that holds the path of our certificate, PEM")
    client_key: VariableName | None = Field(default=None, description="variable that holds the path of its key, PEM")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key go together")
        first: dict[str, str] = {} if self.bearer is None else {"authorization": "bearer"}
        others = {name: first.setdefault(name.lower(), name) for name in self.headers}
        if twice := {name: other for name, other in others.items() if name != other}:
            raise contradictions(
                {("headers", name): (f"is the same header as {other}", "keep one of the two") for name, other in twice.items()}
            )
        return self


class Interface(Declared):
    """The protocol an endpoint speaks and the tensors it takes and gives."""

    protocol: Literal["torchserve", "open-inference"] = Field(description="TorchServe's REST, or Open Inference Protocol v2 over REST")
    input: dict[FieldName, Tensor] = Field(min_length=1, description="what a case consists of")
    output: Output = Field(description="what answers it")
    auth: Auth = Field(default=Auth(), description="how the caller proves who it is")
