"""Users: one login, one account, in one organization."""
