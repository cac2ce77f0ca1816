"""What desks, hub and office exchange, as values and as signed texts (docs/desk-formats.md). Everything here is
pure.
"""
