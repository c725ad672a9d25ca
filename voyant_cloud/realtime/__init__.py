"""The realtime service: REST calls, and the channel that subscribes over WebSocket."""
