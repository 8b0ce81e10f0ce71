"""`ModelStorage`: where releases lie, in versions, under a key of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.names import check_days
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import account_root
from mlgate_components.aws.storage.buckets import MOST_DAYS, Lock, check_lock, check_log_days, check_store_name, create_store, retired
from mlgate_components.aws.storage.keys import administered, check_deletion, create_key, used_through
from mlgate_components.aws.storage.replication import Replica, check_replica, create_replication
from mlgate_components.aws.tags import Tags

__all__ = ["ExistingModelStorage", "ModelStorage", "ModelStorageArgs"]

TYPE = "mlgate:index:ModelStorage"
NONCURRENT_DAYS = 90


class ModelStorageArgs(TypedDict):
    """How models are kept."""

    tags: Tags
    """What every resource of it carries."""
    lock: NotRequired[Lock]
    """How long nothing that is written can be deleted; no time at all unless said."""
    noncurrent_days: NotRequired[int]
    """How long a version stays that a newer one or a deletion has taken the place of, 1 to 36,500 days; 90 unless said."""
    log_days: NotRequired[int]
    """How long the record of accesses stays, 1 to 36,500 days; 365 unless said."""
    replica: NotRequired[Replica]
    """Where copies go; nowhere unless said."""
    deletion_days: NotRequired[int]
    """How long its key waits before it is deleted, 7 to 30 days; 30 unless said."""


@dataclass(frozen=True, slots=True)
class ExistingModelStorage:
    """A bucket of your own, of which nothing is made or changed, and the key that it is under."""

    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]


class ModelStorage(pulumi.ComponentResource):
    """A bucket for models that only this account's identities read, by TLS, as their own policies say. It stays when the stack goes."""

    bucket_name: pulumi.Output[str]
    """The bucket."""
    bucket_arn: pulumi.Output[str]
    """The bucket, for policies."""
    key_arn: pulumi.Output[str]
    """The key that all in it is under; its context of encryption is the bucket's ARN, whatever the prefix."""

    existing = ExistingModelStorage

    def __init__(self, name: str, args: ModelStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts, root = Parts(name, args["tags"], self), account_root(self)
        key = create_key(parts, "", f"models in {name}", [administered(root), *used_through(["s3"], root)], plan["deletion_days"])
        store = create_store(parts, key, root, lifecycle=retired(plan["noncurrent_days"]), lock=args.get("lock"), log_days=plan["log_days"])
        if replica := args.get("replica"):
            create_replication(parts, "ModelStorage", store, key, replica)
        self.bucket_name, self.bucket_arn, self.key_arn = store.bucket.bucket, store.bucket.arn, key.arn
        register_declared(self)


def _planned(name: str, args: ModelStorageArgs) -> Mapping[str, int]:
    """The numbers of days. Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("ModelStorage", name)
    check(ModelStorageArgs, args, wrong)
    wrong.stop()
    check_store_name(name, wrong)
    check_lock(args.get("lock"), wrong, "lock")
    check_replica(args.get("replica"), name, wrong, "replica")
    noncurrent = args.get("noncurrent_days", NONCURRENT_DAYS)
    check_days(noncurrent, wrong, "noncurrent_days", most=MOST_DAYS)
    days = {"noncurrent_days": noncurrent, "log_days": check_log_days(args, wrong), "deletion_days": check_deletion(args, wrong)}
    wrong.stop()
    return days
