"""Invented OCDS notices, one folder for each organization of the demo, and what ``domain seed`` adds."""
