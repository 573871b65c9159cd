-- The script that wrk runs: requests with tokens in turn, and the result as one line of JSON.
-- Arguments: METHOD BYTES-OF-BODY PATHS TOKENS, the last two being files with one of them on each line.

local requests = {}
local turn = 0

local function lines(file)
  local list = {}
  for line in io.lines(file) do list[#list + 1] = line end
  return list
end

function init(args)
  local method, bytes, paths, tokens = args[1], tonumber(args[2]), lines(args[3]), lines(args[4])
  local body = bytes > 0 and string.rep("x", bytes) or nil
  for i = 1, math.max(#paths, #tokens) do
    local headers = {
      ["Accept"] = "application/json",
      ["Authorization"] = "Bearer " .. tokens[(i - 1) % #tokens + 1],
      ["User-Agent"] = "bench",
    }
    if body then headers["Content-Type"] = "application/octet-stream" end
    requests[i] = wrk.format(method, paths[(i - 1) % #paths + 1], headers, body)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
