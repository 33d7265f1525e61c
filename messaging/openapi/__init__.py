"""The whole API as an OpenAPI 3.1 document, written down as data: one module for each contract.

Limits, types and words are taken from the code that checks them; examples are the vendors' own, in
examples/.
"""
