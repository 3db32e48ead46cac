"""Where commands become orders."""
