"""The roles of an environment by name, for who wants no more than that: what is said of them is checked with `platform_who`."""

ROLES = ("ci", "deployer", "gate", "promoter", "auditor", "break_glass")
OPENING = ("deployer", "promoter", "break_glass")
"""The roles that can open traffic."""
GITLAB_TIERS = ("production", "staging", "testing", "development", "other")
"""GitLab docs, "Environments", deployment tier of environments: what its tokens tell of one, instead of its name."""
