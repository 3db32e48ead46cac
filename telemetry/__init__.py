"""What the bot tells the world about itself."""
