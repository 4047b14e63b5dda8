"""Tenders, the notices that they are imported from, and the work on them."""
