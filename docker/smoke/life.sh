# Sourced by docker/smoke.sh: how gateways share keys, reload, stop and come back.

hardened() {
  local id
  for id in $(compose ps -q); do
    is "$(inspect "$id" '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}')" \
      'true [ALL] 10001:10001' || return 1
  done
}

# connects HOST PORT: whether somebody who reaches the gateways as callers do reaches this.
connects() {
  docker exec "$FEIDE_CONTAINER" node -e "
    const socket = require('node:net').connect($2, '$1', () => process.exit(0))
    socket.on('error', () => process.exit(1)).setTimeout(3000, () => process.exit(1))"
}

# What stands behind the gateways has no way in but through them.
not_past_the_gateway() {
  connects gateway 8080 || { echo 'not even a gateway can be reached'; return 1; }
  if connects gateway 9090; then echo 'the admin port can be reached'; return 1; fi
  if connects grades 3000; then echo 'the Express API can be reached'; return 1; fi
  if connects reports 8000; then echo 'the PHP API can be reached'; return 1; fi
  if connects redis 6379; then echo 'Redis can be reached'; return 1; fi
}

# Feide signs with a new key. One of the gateways fetches it, and all have it through Redis.
share_keys() {
  local one id kid
  kid="$(curl -sS -m 20 -X POST "$FEIDE/_local/rotate" | sed -nE 's/.*"signing":"([^"]+)".*/\1/p')"
  one="$(gateways | head -n1)"
  promise 'keys refresh: the new key of Feide is fetched once' fetched "$one" "$kid"
  for id in $(gateways); do
    promise "gateway ${id:0:12} has it, through Redis" eventually 10 has_key_of_redis "$id" "$kid"
  done
}

fetched() {
  docker exec "$1" node dist/main.cjs keys --config /etc/feide-gateway/gateway.yaml refresh | grep -xF -e "$2"
}

has_key_of_redis() {
  local status
  status="$(admin "$1" /status)"
  echo "$status"
  [[ "$status" == *'"source":"redis"'* && -n "$2" && "$status" == *"\"$2\""* ]]
}

# The folder is a copy of docker/policy, mounted into every gateway.
NEW_ROUTE='      GET /reports/new: authenticated'

reload() {
  local id
  echo "$NEW_ROUTE" >>"$POLICY_DIR/gateway.yaml"
  for id in $(gateways); do
    promise "a changed policy: ${id:0:12} serves the new route" eventually 10 has_new_route "$id"
    reload_on_signal "$id"
  done
  echo '      GET /broken: {}' >>"$POLICY_DIR/gateway.yaml"
  for id in $(gateways); do
    promise "a policy with a fault: ${id:0:12} says so" eventually 10 logged "$id" 'policy reload failed'
    promise 'and serves on by the old one' has_new_route "$id"
  done
  sed '/GET \/broken/d' "$POLICY_DIR/gateway.yaml" >"$WORK/good"
  cat "$WORK/good" >"$POLICY_DIR/gateway.yaml"
}

# Without a change, so that it is the signal that does it.
reload_on_signal() {
  local before
  before="$(reloads "$1")"
  docker kill -s HUP "$1" >/dev/null
  promise "docker kill -s HUP: ${1:0:12} reloads" eventually 10 has_reloaded "$1" $((before + 1))
}

reloads() { docker logs "$1" 2>&1 | grep -c '"msg":"policy reloaded"' || true; }
has_reloaded() { is "$(reloads "$1")" "$2"; }
# The API itself says that it has no such report: the gateway has let the request through.
has_new_route() { curl -sS -m 5 -H "$AS_SYSTEM" "$(url_of "$1")/reports/new" | grep -q 'no such report'; }
logged() { docker logs "$1" 2>&1 | grep -qF "$2"; }

# Stops one gateway after the other, each with a download of three seconds under way, while a caller
# inside asks for `gateway` all the time.
rolling_stop() {
  mkfifo "$WORK/until"
  TOKEN="$JWT" docker exec -i -e TOKEN "$FEIDE_CONTAINER" \
    node docker/local-stack/steady-calls.ts http://gateway:8080/courses <"$WORK/until" >"$WORK/steady" 2>&1 &
  local steady=$! id
  exec 9>"$WORK/until"
  for id in $(gateways); do stop_and_start "$id"; done
  exec 9>&-
  if wait "$steady"; then
    kept "no call failed while gateways stopped and came back ($(cat "$WORK/steady"))"
  else
    broken 'no call failed while gateways stopped and came back' "$(cat "$WORK/steady")"
  fi
}

stop_and_start() {
  curl -sS -m 40 -H "$AS_SYSTEM" "$(url_of "$1")/reports/export" >"$WORK/export" 2>&1 &
  local download=$! name="${1:0:12}"
  sleep 1
  docker stop "$1" >/dev/null
  wait "$download" || true
  promise "docker stop: $name ends with 0" is "$(inspect "$1" '{{.State.ExitCode}}')" 0
  promise 'and the download under way was whole' is "$(grep -c , "$WORK/export")" 7
  docker start "$1" >/dev/null
  promise "docker start: $name is ready again" eventually 60 ready "$1"
}

# No token, and no secret of the environment.
clean_logs() {
  local id
  for id in $(gateways); do docker logs "$id" >>"$WORK/logs" 2>&1; done
  {
    printf '%s\n' "$OPAQUE" "$USER_OPAQUE" "${JWT##*.}" "${USER_JWT##*.}" eyJ
    sed 's/^[^=]*=//' "$ENV_FILE"
  } >"$WORK/secrets"
  grep -qF '"msg":"request"' "$WORK/logs" || { echo 'no request was logged'; return 1; }
  ! grep -F -f "$WORK/secrets" "$WORK/logs"
}
