"""How numbers and days are written in the languages for which Django has no formats."""
