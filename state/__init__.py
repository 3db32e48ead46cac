"""The nouns: what the bot holds true, how it may change, how it survives a restart."""
