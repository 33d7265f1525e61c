"""Swahili: as in English, which Kenya, Tanzania and Uganda follow here."""
