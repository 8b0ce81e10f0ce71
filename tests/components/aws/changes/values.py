"""What the arguments of several components are, and are changed to."""

from ..storage.stores import KEY

TAGS = {"environment": "dev", "owner": "platform"}
OTHER_TAGS = {"environment": "dev", "owner": "vision"}
ROLE = "arn:aws:iam::123456789012:role/"
OTHER_KEY = KEY[:-1] + "1"
ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
CLUSTER_ARN = "arn:aws:eks:eu-central-1:123456789012:cluster/"
