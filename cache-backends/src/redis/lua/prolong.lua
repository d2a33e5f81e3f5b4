-- KEYS: tags. ARGV: until when they are to be kept in milliseconds since 1970 ('' for ever); how much longer they are
-- then kept; the generation of each that is meant.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i, tag in ipairs(KEYS) do
  local present = read(tag)
  if present and mark(present) == 0xDE and string.sub(present, 3, 10) == ARGV[i + 2] then
    local ttl = redis.call('PTTL', tag)
    if ttl >= 0 then
      if ARGV[1] == '' then
        redis.call('PERSIST', tag)
      elseif now + ttl < tonumber(ARGV[1]) then
        redis.call('PEXPIREAT', tag, string.format('%.0f', tonumber(ARGV[1]) + tonumber(ARGV[2])))
      end
    end
  end
end
return 1
