"""pulumi_aws warns about its own modules when they are first imported: that happens here, before a test would take it for an error."""

import warnings

import pulumi_aws

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    vars(pulumi_aws)["s3"].Bucket  # noqa: B018 - the first look at an attribute imports the module
