#!/usr/bin/env bash
# Brings the stack of compose.yaml up under a project name of its own, calls it as the README does,
# reloads and stops gateways under way, and takes everything down again.
#
#   docker/smoke.sh
#
# Exit status: 0 every promise was kept, 1 one was not, 2 wrong usage, 3 nothing was tried, since
# there is no Docker, Compose or curl here. GATEWAY_PORTS (8080-8089) and FEIDE_PORT (7001) choose
# other ports, BUILD_NETWORK=host and NPM_REGISTRY another way to npm's packages.
set -euo pipefail

if [ "$#" -ne 0 ]; then
  echo 'usage: docker/smoke.sh' >&2
  exit 2
fi

no_docker() {
  printf 'smoke: %s\nsmoke: nothing was tried\n' "$1" >&2
  exit 3
}

command -v docker >/dev/null || no_docker 'there is no docker command here: install Docker'
command -v curl >/dev/null || no_docker 'there is no curl here'
docker info >/dev/null 2>&1 || no_docker 'no Docker engine answers: start it, or see whether you may use it'
if docker compose version >/dev/null 2>&1; then
  COMPOSE=(docker compose)
elif command -v docker-compose >/dev/null; then
  COMPOSE=(docker-compose)
else
  no_docker 'there is neither docker compose nor docker-compose here'
fi

cd "$(dirname "${BASH_SOURCE[0]}")"
. smoke/lib.sh
. smoke/calls.sh
. smoke/life.sh

WORK="$(mktemp -d)"
ENV_FILE="$WORK/env"
FEIDE="http://127.0.0.1:${FEIDE_PORT:-7001}"
export POLICY_DIR="$WORK/policy"

compose() { "${COMPOSE[@]}" -p feide-gateway-smoke --env-file "$ENV_FILE" -f compose.yaml "$@"; }

take_down() {
  local status=$?
  trap - EXIT
  exec 9>&- || true
  if [ "$status" -ne 0 ]; then compose logs --no-color --tail 200 2>&1 | grep -vE '"msg":"request"|(Accepted|Closing)$' || true; fi >&2
  compose down --volumes --remove-orphans --timeout 5 >"$WORK/down" 2>&1 || cat "$WORK/down" >&2
  rm -rf "$WORK"
  exit "$status"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

(
  umask 077
  for name in REDIS_PASSWORD CACHE_SECRET GRADES_PASSWORD REPORTS_PASSWORD ADMIN_SECRET GRAFANA_PASSWORD; do
    echo "$name=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
  done >"$ENV_FILE"
)
mkdir -m 755 "$POLICY_DIR"
install -m 644 policy/gateway.yaml "$POLICY_DIR/gateway.yaml"

echo 'smoke: building the images and starting two gateways, Redis, Feide and two APIs'
if ! compose up -d --build >"$WORK/up" 2>&1; then
  tail -40 "$WORK/up" >&2
  echo 'smoke: the stack does not start. No image registry here? See docker/base-images.sh' >&2
  exit 1
fi
FEIDE_CONTAINER="$(compose ps -q feide)"

for id in $(gateways); do
  promise "gateway ${id:0:12} is ready at $(url_of "$id")" eventually 60 ready "$id"
done
share_keys
get_tokens
for id in $(gateways); do
  url="$(url_of "$id")"
  echo "smoke: calls to $url"
  calls "$url"
  refusals "$url"
  forgeries "$url"
done
echo 'smoke: life'
promise 'nothing runs as root, with a capability, or on a file system that it could change' hardened
promise 'APIs and Redis cannot be reached past the gateways' not_past_the_gateway
reload
rolling_stop
promise 'no log of a gateway holds a token or a secret' clean_logs

size="$(docker image inspect -f '{{.Size}}' feide-gateway)"
echo "smoke: $kept promises kept, $broken broken (image of the gateway: $((size / 1000000)) MB)"
[ "$broken" -eq 0 ]
