"""What venues publish, parsed once into typed values."""
