"""Analyses of tenders: relevance, ratings and what they cost."""
