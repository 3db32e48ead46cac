"""The operator's chat: who may speak, what leaves and in which order, the Bot API at the edge. Trading never waits for any of it."""
