-- Lists channels on which something has ended. KEYS: ends.
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', redis_ms(), 'LIMIT', 0, 100)
