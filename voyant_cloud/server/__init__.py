"""The embedded server: the realtime service, to run anywhere. Needs the extra ``[server]``."""
