"""Signed evidence, the ledger of attempts and promotions, and what opens traffic to a release. Import from the modules."""
