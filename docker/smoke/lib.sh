# Sourced by docker/smoke.sh: how it says what holds, and how it reaches the containers.

kept=0
broken=0

kept() {
  kept=$((kept + 1))
  echo "  ok      $1"
}

# broken PROMISE LINE…
broken() {
  broken=$((broken + 1))
  echo "  BROKEN  $1"
  shift
  printf '%s\n' "$@" | sed 's/^/          /'
}

# promise PROMISE COMMAND…: the command succeeds.
promise() {
  local promise="$1" output
  shift
  if output="$("$@" 2>&1)"; then kept "$promise"; else broken "$promise" "$output"; fi
}

# answers PROMISE STATUS TEXT CURL-ARGUMENT…: the answer has this status and holds this text.
answers() {
  local promise="$1" status="$2" text="$3" answer
  shift 3
  answer="$(curl -sS -m 20 -w '\n%{http_code}' "$@" 2>&1)" || true
  if [ "${answer##*$'\n'}" = "$status" ] && [[ "$answer" == *"$text"* ]]; then
    kept "$promise"
  else
    broken "$promise" "expected status $status and the text $text, got:" "$answer"
  fi
}

# eventually SECONDS COMMAND…
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      "$@"
      return
    fi
    sleep 0.5
  done
}

is() {
  [ "$1" = "$2" ] || { echo "expected $2, got $1"; return 1; }
}

gateways() { compose ps -q gateway; }

# Where this machine reaches the gateway in a container.
url_of() { docker port "$1" 8080/tcp | sed -n '1s#^#http://#p'; }

# admin CONTAINER PATH: asks the admin port, which only the container itself reaches.
admin() {
  docker exec "$1" node -e \
    "fetch('http://127.0.0.1:9090$2').then(async answer => { console.log(await answer.text()); process.exit(answer.ok ? 0 : 1) })"
}

ready() { admin "$1" /readyz; }

inspect() { docker inspect -f "$2" "$1"; }
