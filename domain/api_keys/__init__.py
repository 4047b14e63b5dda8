"""API keys: what the programs of an organization log in with."""
