"""Organizations: the tenants, their plan and their month's usage."""
