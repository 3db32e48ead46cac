"""The common rule in each tool's own words: scripts that run in that tool's environment and import nothing of ours but the stopwatch."""
