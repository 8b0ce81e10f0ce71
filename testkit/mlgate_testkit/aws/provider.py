"""A configured simulated AWS provider: what all types share, driven by the `ResourceModel` of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches

from mlgate_testkit.aws.account import Aws, ClientError, ParamValidationError
from mlgate_testkit.aws.arguments import argument_names, output_names, wrong_arguments
from mlgate_testkit.aws.documents import json_text, same_document
from mlgate_testkit.aws.drift import observed_inputs
from mlgate_testkit.aws.fields import forces_new_below, with_fields
from mlgate_testkit.aws.model import FunctionModel, ResourceModel
from mlgate_testkit.aws.tags import TagRules
from mlgate_testkit.provider.provider import (
    Difference,
    Failure,
    Inputs,
    Kind,
    Outputs,
    ProviderError,
    Resource,
    Run,
    State,
    Unhealthy,
    compare,
)
from mlgate_testkit.provider.values import UNKNOWN, Secret

__all__ = ["AwsProvider", "alike"]

_OTHERWISE = "Test this part with `record`, which knows every type of the SDK, or keep it in a program of its own"
_ALIKE = 0.85  # "BucketV2" is meant for "Bucket", and "BucketNotification" for no other setting of a bucket


@dataclass(frozen=True)
class AwsProvider:
    """Implements `Provider` over a table of models."""

    aws: Aws
    models: Mapping[str, ResourceModel]
    functions: Mapping[str, FunctionModel]
    tags: TagRules = field(default_factory=TagRules)

    def check(self, resource: Resource, olds: Inputs, news: Inputs, seed: bytes) -> tuple[Inputs, list[Failure]]:
        model = self._model(resource.type)
        inputs = {key: value for key, value in news.items() if value is not None}
        failures = list(wrong_arguments(model.type, inputs))
        for argument in model.json & inputs.keys():
            try:
                inputs[argument] = json_text(inputs[argument])
            except ValueError as wrong:
                failures.append(Failure(argument, str(wrong)))
        for argument, default in model.defaults.items():
            inputs.setdefault(argument, default)
        if model.name and model.name.argument not in inputs and not any(inputs.get(other) for other in model.name.instead):
            kept = olds.get(model.name.argument)
            try:
                inputs[model.name.argument] = kept if model.name.made(kept) else model.name.make(resource.name, inputs, seed)
            except ValueError as too_long:
                failures.append(Failure(model.name.argument, str(too_long)))
        if isinstance(inputs.get("region"), str) and inputs["region"] not in self.aws.account.regions:
            failures.append(Failure("region", f"invalid AWS Region: {inputs['region']}"))
        if not failures:  # a rule may rely on shapes that the types have shown
            failures = [failure for rule in model.rules for failure in rule(inputs)] + self.tags.wrong(inputs)
        return inputs, failures

    def diff(self, resource: Resource, old: State, news: Inputs) -> Difference:
        model = self._model(resource.type)
        olds = dict(old.inputs)
        for argument, before in old.inputs.items():
            after = news.get(argument)
            if before is not None and after is not None and after is not UNKNOWN and model.same(argument, before, after):
                olds[argument] = after
        changed = compare(olds, news)
        if not any(path.startswith("tags") for path in changed) and self._tags_all_differ(model, old, news):
            changed["tagsAll"] = Kind.UPDATE
        moved = self._region(news) != old.outputs.get("region", self._region(news)) and "region" in argument_names(model.type)
        if moved:
            changed["region"] = Kind.UPDATE
        forced = {path for path in changed if forces_new(model, path) or forces_new_below(model, path, old.outputs, news)}
        replace = frozenset(forced | ({"region"} if moved else set()))
        return Difference(changed, replace, bool(replace) and (model.replace_first or self._same_name(model, olds, news)))

    def create(self, resource: Resource, inputs: Inputs, run: Run) -> tuple[str, Outputs]:
        model = self._model(resource.type)
        if model.notice:
            run.warn(model.notice(inputs))
        if run.preview:
            return "", self._expected(model, inputs)
        aws = self._in(inputs)
        with refusals(f"creating {model.noun} ({shown(model, resource, inputs)})"):
            joined = self.tags.joined(inputs, model.type)
            resource_id = model.create(aws, joined)
        aws.account.orders.made(model.type, resource_id)
        try:
            with refusals(f"setting up {model.noun} ({resource_id})"):
                if model.settle:
                    model.settle(aws, resource_id, joined)
                return resource_id, self._outputs(model, aws, resource_id, inputs)
        except ProviderError as half:
            raise Unhealthy(resource_id, dict(inputs), inputs, [str(half)]) from half

    def read(self, resource: Resource, resource_id: str, known: State | None) -> State | None:
        model = self._model(resource.type)
        inputs = dict(known.inputs) if known else {}
        with refusals(f"reading {model.noun} ({resource_id})"):
            seen = self._seen(model, self._in(inputs), resource_id, inputs)
        if seen is None:
            return None
        tags = self.tags.split(seen, inputs, argument_names(model.type))
        inputs = observed_inputs(model, inputs, seen | tags, imported=known is None)
        return State(resource_id, inputs, self._complete(model, inputs, seen | tags))

    def update(self, resource: Resource, old: State, news: Inputs, run: Run) -> Outputs:
        model = self._model(resource.type)
        if run.preview:
            changed = {path.split(".")[0].split("[")[0] for path in compare(old.inputs, news)}
            renewed = {output: UNKNOWN for output, causes in model.renewed.items() if changed & causes}
            kept = {key: value for key, value in old.outputs.items() if key in news or key not in old.inputs}
            return with_fields(model, {**kept, **news, **self._known(model, news), **renewed}, old.outputs)
        aws = self._in(old.inputs)
        with refusals(f"updating {model.noun} ({old.id})"):
            if model.update:
                model.update(aws, old.id, self.tags.joined(old.inputs, model.type), self.tags.joined(news, model.type))
            return self._outputs(model, aws, old.id, news)

    def delete(self, resource: Resource, old: State, _run: Run) -> None:
        model = self._model(resource.type)
        with refusals(f"deleting {model.noun} ({old.id})"):
            try:
                model.delete(self._in(old.inputs), old.id, old.inputs)
            except ClientError as error:
                if not gone(error):
                    raise

    def invoke(self, token: str, arguments: Inputs, *, preview: bool) -> Outputs:
        function = self.functions.get(token)
        if function is None:
            raise ProviderError(f"{token} is not simulated; {alike(token, list(self.functions))}. {_OTHERWISE}")
        with refusals(f"calling {token}"):
            return function.call(self._in(arguments), arguments)

    def _model(self, token: str) -> ResourceModel:
        model = self.models.get(token)
        if model is None:
            raise ProviderError(f"{token} is not simulated; {alike(token, list(self.models))}. {_OTHERWISE}")
        return model

    def _in(self, inputs: Inputs) -> Aws:
        """AWS in the region that this resource names, or the provider's."""
        return Aws(self.aws.account, self._region(inputs), self.aws.credentials, self.aws.retries)

    def _region(self, inputs: Inputs) -> str:
        region = inputs.get("region")
        return region if isinstance(region, str) else self.aws.region

    def _seen(self, model: ResourceModel, aws: Aws, resource_id: str, inputs: Inputs) -> Outputs | None:
        try:
            return model.read(aws, resource_id, inputs)
        except ClientError as error:
            if gone(error):
                return None
            raise

    def _outputs(self, model: ResourceModel, aws: Aws, resource_id: str, inputs: Inputs) -> Outputs:
        seen = self._seen(model, aws, resource_id, inputs)
        if seen is None:
            raise ProviderError("couldn't find resource: it is gone right after it was written")
        return self._complete(model, inputs, seen | self.tags.split(seen, inputs, argument_names(model.type)))

    def _complete(self, model: ResourceModel, inputs: Inputs, seen: Outputs) -> Outputs:
        outputs = {**inputs, **{key: value for key, value in seen.items() if value is not None}}
        for document in model.json & inputs.keys() & outputs.keys():
            if same_document(inputs[document], outputs[document]):
                outputs[document] = inputs[document]  # as the program spelt it
        if "region" in argument_names(model.type):
            outputs["region"] = self._region(inputs)
        return {key: Secret(value) if key in model.secret else value for key, value in outputs.items()}

    def _expected(self, model: ResourceModel, inputs: Inputs) -> Outputs:
        """What a preview of a create knows."""
        arguments = argument_names(model.type)
        open_ = [each for each in output_names(model.type) - model.absent if each not in arguments or each in model.computed]
        return with_fields(model, {**dict.fromkeys(open_, UNKNOWN), **inputs, **self._known(model, inputs)}, {})

    def _known(self, model: ResourceModel, inputs: Inputs) -> Outputs:
        known: Outputs = {"region": self._region(inputs)} if "region" in argument_names(model.type) else {}
        if "tags" in argument_names(model.type):
            known["tagsAll"] = self.tags.all(inputs)
        return known

    def _tags_all_differ(self, model: ResourceModel, old: State, news: Inputs) -> bool:
        if "tags" not in argument_names(model.type) or "tagsAll" not in old.outputs:
            return False
        return bool(self.tags.all(news) != old.outputs["tagsAll"])

    def _same_name(self, model: ResourceModel, olds: Inputs, news: Inputs) -> bool:
        """A name of the program's own that stays: the new one could not be made beside the old one."""
        if not model.name:
            return False
        name = news.get(model.name.argument)
        return name is not None and name == olds.get(model.name.argument) and not model.name.made(name)


def forces_new(model: ResourceModel, path: str) -> bool:
    """Whether a change at this place cannot be made to the resource that is there."""
    plain = re.sub(r"\[[^\]]*\]", "", path)
    fixed = model.forces_new | set(model.name.instead if model.name else ()) | {"region"}
    return any(plain == each or plain.startswith(f"{each}.") for each in fixed)


def alike(token: str, known: list[str]) -> str:
    """One whose name is almost the same, and all of the same service; where none of it is simulated, the services."""
    service = token.rpartition(":")[0].partition("/")[0] or token
    same = {each.rpartition(":")[2]: each for each in known if each.startswith(f"{service}/")}
    if not same:
        return f"nothing of {service} is, but types of {', '.join(sorted({each.partition('/')[0] for each in known}))}"
    close = [same[name] for name in get_close_matches(token.rpartition(":")[2], same, n=1, cutoff=_ALIKE)]
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{meant}simulated of {service} are: {', '.join(same)}"


def gone(error: ClientError) -> bool:
    """Whether an API says that the thing is not there."""
    code: str = error.response["Error"]["Code"]
    return code.startswith("NoSuch") or "NotFound" in code or "NonExistent" in code or code == "404"


def shown(model: ResourceModel, resource: Resource, inputs: Inputs) -> str:
    """The name for an error about something that has no id yet."""
    name = inputs.get(model.name.argument) if model.name else None
    return name if isinstance(name, str) else resource.name


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """An API's refusal in the words in which the real provider passes it on."""
    try:
        yield
    except ParamValidationError as wrong:
        raise ProviderError(f"{doing}: {wrong}") from wrong
    except ClientError as error:
        answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
        attempts = metadata.get("Attempts")
        exceeded = f"exceeded maximum number of attempts, {attempts}, " if attempts else ""
        operation = f"operation error: {error.operation_name}, " if error.operation_name else ""
        status = f"https response error StatusCode: {metadata.get('HTTPStatusCode', 400)}, RequestID: {metadata.get('RequestId', '')}, "
        raise ProviderError(f"{doing}: {operation}{exceeded}{status}api error {answer['Code']}: {answer['Message']}") from error
