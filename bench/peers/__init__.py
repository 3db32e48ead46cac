"""What a user would pick instead, measured beside ours: on the same data, under one common rule, in one run."""
