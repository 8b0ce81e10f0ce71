"""The elements of an IAM policy. Source: IAM User Guide, "Grammar of the IAM JSON policy language"."""

__all__ = ["DOCUMENT", "STATEMENT", "VERSIONS"]

DOCUMENT = frozenset({"Version", "Id", "Statement"})
STATEMENT = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"})
VERSIONS = frozenset({"2012-10-17", "2008-10-17"})
