"""Bid documents: the drafts that answer tenders."""
