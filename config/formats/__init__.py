"""How numbers, days and times are written on our pages, by language."""
