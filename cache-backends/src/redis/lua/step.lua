-- KEYS: a state. ARGV: the record that was expected there ('' for none); '1' if that is over; what to do ('keep', 'put',
-- 'remove'); the next record; until when the server keeps it; what time the server was thought to have, and by how much
-- that may be wrong, in milliseconds.
-- Answers {1 if it was done, the seconds and microseconds of the server, and if not what is there instead}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local present, foreign = read(KEYS[1])
if foreign then return redis.error_reply('WRONGTYPE the key is used by something else') end
if mark(present) ~= 0xDC then present = nil end
local expected = present == ARGV[1] or (not present and (ARGV[1] == '' or ARGV[2] == '1'))
-- A step that was thought out long ago, by somebody who was stopped meanwhile, or by another time than the server's.
if not expected or math.abs(now - tonumber(ARGV[6])) > tonumber(ARGV[7]) then
  return {0, time[1], time[2], present or ''}
end
if ARGV[3] == 'put' then
  write(KEYS[1], ARGV[4], ARGV[5])
elseif ARGV[3] == 'remove' and present then
  redis.call('DEL', KEYS[1])
end
return {1, time[1], time[2]}
