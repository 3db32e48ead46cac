"""Research at compiled speed."""
