"""The long proofs. `python -m tests.long` runs them in full; tests/flows runs a seeded slice of each."""
