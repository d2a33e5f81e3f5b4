-- KEYS: tags. ARGV: how long a generation is kept at least, and for how long it is then kept, in milliseconds; a nonce
-- for each. Answers the generations, begun where there is none.
local least, hold = tonumber(ARGV[1]), ARGV[2]
local nonces = {}
for i, tag in ipairs(KEYS) do
  local present = read(tag)
  if present and mark(present) == 0xDE then
    nonces[i] = string.sub(present, 3, 10)
    local ttl = redis.call('PTTL', tag)
    if ttl >= 0 and ttl < least then redis.call('PEXPIRE', tag, hold) end
  else
    nonces[i] = ARGV[i + 2]
    redis.call('SET', tag, '\202\222' .. nonces[i] .. NEVER, 'PX', hold)
  end
end
return nonces
