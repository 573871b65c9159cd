# Sourced by docker/smoke.sh: the calls of the README, on every gateway.

# Of docker/local-stack/feide.yaml, where everybody can read them.
CLIENT=208335d4-e8c1-4910-8928-05b2e5b14127:local-secret-of-the-study-planner
AUDIENCE=https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040
BJORN=76a7a061-3c55-430d-8ee0-6f82ec42501f

# token PATH CURL-ARGUMENT…: the token that Feide answers with.
token() {
  local path="$1"
  shift
  curl -sS -m 20 -u "$CLIENT" "$@" "$FEIDE$path" | sed -nE 's/.*"access_token":"([^"]+)".*/\1/p'
}

# exchange OPAQUE CURL-ARGUMENT…
exchange() {
  local opaque="$1"
  shift
  token /oauth/token -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \
    -d subject_token_type=urn:ietf:params:oauth:token-type:access_token \
    -d "subject_token=$opaque" -d "audience=$AUDIENCE" "$@"
}

get_tokens() {
  OPAQUE="$(token /oauth/token -d grant_type=client_credentials)"
  USER_OPAQUE="$(token /_local/login -d user=bjorn)"
  JWT="$(exchange "$OPAQUE" -d scope=read)"
  USER_JWT="$(exchange "$USER_OPAQUE")"
  promise 'Feide gives opaque tokens and exchanges them for JWTs' test -n "$JWT" -a -n "$USER_JWT"
  AS_SYSTEM="Authorization: Bearer $JWT"
  AS_USER="Authorization: Bearer $USER_JWT"
}

# calls GATEWAY
calls() {
  answers 'GET /courses with a system token: the Express API sees no user' \
    200 '"youMustBe":null' -H "$AS_SYSTEM" "$1/courses"
  answers 'GET /me with a user token: it sees the user' \
    200 "\"youMustBe\":\"$BJORN\"" -H "$AS_USER" "$1/me"
  answers 'POST /courses with a user token adds a course' \
    201 'the course was added' -H "$AS_USER" -H 'Content-Type: application/json' \
    -d '{"title":"Botany"}' "$1/courses"
  answers 'GET /reports with a user token: the PHP API sees the user' \
    200 "\"userid\":\"$BJORN\"" -H "$AS_USER" "$1/reports"
  answers 'GET /reports with a system token: it sees none' \
    200 '"userid":null' -H "$AS_SYSTEM" "$1/reports"
  answers 'GET /health needs no token' 200 '"status":"ok"' "$1/health"
}

# refusals GATEWAY
refusals() {
  answers 'no token: 401' 401 token_missing "$1/courses"
  answers 'an opaque token: 401, and what to do' 401 token_opaque \
    -H "Authorization: Bearer $OPAQUE" "$1/courses"
  answers 'a token that was changed: 401' 401 token_signature \
    -H "Authorization: Bearer ${JWT%?????}AAAAA" "$1/courses"
  answers 'a scope too few: 403' 403 scope_missing -X POST -H "$AS_SYSTEM" "$1/courses"
  answers 'what no route lists: 404' 404 route_unknown -H "$AS_USER" "$1/admin"
}

# forgeries GATEWAY
forgeries() {
  answers 'a made-up X-Dataporten-Userid does not reach Express' 200 '"youMustBe":null' \
    -H "$AS_SYSTEM" -H "X-Dataporten-Userid: $BJORN" "$1/courses"
  local name
  for name in X-Dataporten-Userid X_Dataporten_Userid X-Dataporten_Userid x.dataporten.userid; do
    answers "a made-up $name does not reach PHP" 200 '"userid":null' \
      -H "$AS_SYSTEM" -H "$name: $BJORN" "$1/reports"
  done
  answers 'nor does one that Connection would have taken away' 200 "\"userid\":\"$BJORN\"" \
    -H "$AS_USER" -H 'Connection: close, X-Dataporten-Userid' "$1/reports"
}
