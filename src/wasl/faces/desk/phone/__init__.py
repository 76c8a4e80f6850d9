"""The telephone at the desk: the seat, the softphone, the call before the agent, the board, its set-up and figures."""
