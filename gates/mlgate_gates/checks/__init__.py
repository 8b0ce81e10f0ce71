"""The checks a gate can plan. A check is a hypothesis judged on rows; it does not know where they came from."""
