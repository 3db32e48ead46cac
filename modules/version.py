"""The program's version, as `version`, the banner and /metrics show it."""

VERSION = "0.1.0"
