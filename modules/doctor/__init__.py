"""What may be wrong around the bot, looked at from outside: each check is one line with its remedy, and changes nothing."""
