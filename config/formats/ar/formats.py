"""Numbers in Arabic: with the marks that go with the digits of our pages. Days are Django's."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
