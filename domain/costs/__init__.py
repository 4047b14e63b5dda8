"""Costs: what models were paid for, and what is reserved of a month's budget."""
