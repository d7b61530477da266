"""What the steps of an exported workflow run: texts for bash, which get everything by environment variables."""

from __future__ import annotations

LOG_IN = """\
identity() { # a token of this job for a cloud, which trusts GitHub
  curl --silent --show-error --fail --retry 3 --header "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
    "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=$1" | jq --raw-output --exit-status .value
}
case "${LOGIN:-}" in
  aws)
    identity sts.amazonaws.com > "$private/identity"
    export AWS_WEB_IDENTITY_TOKEN_FILE="$private/identity" AWS_ROLE_SESSION_NAME="hubstack-$GITHUB_RUN_ID"
    session=$(aws configure export-credentials --format env) # for an hour; the identity ends before
    eval "$session"
    unset AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN
    ;;
  gcp)
    audience="//iam.googleapis.com/$GCP_PROVIDER"
    jq --null-input --arg audience "$audience" --arg account "$GCP_ACCOUNT" '{
      type: "external_account", audience: $audience,
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt", token_url: "https://sts.googleapis.com/v1/token",
      service_account_impersonation_url:
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\\($account):generateAccessToken",
      credential_source: {
        url: "\\(env.ACTIONS_ID_TOKEN_REQUEST_URL)&audience=\\("https:" + $audience | @uri)",
        headers: {Authorization: "bearer \\(env.ACTIONS_ID_TOKEN_REQUEST_TOKEN)"},
        format: {type: "json", subject_token_field_name: "value"}
      }
    }' > "$private/google.json"
    export GOOGLE_APPLICATION_CREDENTIALS="$private/google.json"
    ;;
  azure)
    identity api://AzureADTokenExchange > "$private/identity"
    export AZURE_FEDERATED_TOKEN_FILE="$private/identity" AZURE_AUTHORITY_HOST=https://login.microsoftonline.com/
    ;;
esac
"""
"""Logs in to a cloud by OpenID Connect, in the words that the clouds' own tools read: programs of kubeconfigs, and the
engine for its backend and its key service."""

_BEGIN = """\
umask 077
private=$(mktemp --directory)
trap 'rm -rf "$private"' EXIT
if [ -n "$KUBECONFIG_DATA" ]; then
  printf %s "$KUBECONFIG_DATA" > "$private/kubeconfig"
  export KUBECONFIG="$private/kubeconfig"
fi
"""

_STATE = """\
case "$code" in
  0) state=succeeded ;;
  4) state=unreachable ;;
  5) state=paused ;;
  *) state=failed ;;
esac
echo "state=$state" >> "$GITHUB_OUTPUT"
# What cannot be reached is no failure, but no success either: the check after the wave counts it.
[ "$state" != failed ]
"""

DEPLOY = (
    _BEGIN
    + LOG_IN
    + """\
code=0
.venv/bin/hubstack rollout step --stack "$STACK" --name "$ROLLOUT" || code=$?
"""
    + _STATE
)
"""Deploys one stack and asks its gates."""

ASK = (
    _BEGIN
    + LOG_IN
    + """\
code=0
.venv/bin/hubstack rollout step --stack "$STACK" --name "$ROLLOUT" --baked || code=$?
"""
    + _STATE
)
"""Asks the gates of one stack again."""

_NAMES = """\
gh api --paginate "repos/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID/artifacts?per_page=100" \\
  --jq '.artifacts[].name' > "$RUNNER_TEMP/names"
"""

MAY_START = (
    _NAMES
    + """\
# Names are phase.attempt.state.wave.stack; no wave begins with more failures than it bears.
failed=$(awk -F. -v attempt="$GITHUB_RUN_ATTEMPT" -v wave="$WAVE" \\
  '$1 == "deploy" && $2 == attempt && $3 == "failed" && $4 == wave' "$RUNNER_TEMP/names" | wc -l)
if [ "$failed" -gt "$ALLOWED" ]; then
  echo "$failed stacks of this wave have failed, $ALLOWED allowed: not started"
  echo "state=skipped" >> "$GITHUB_OUTPUT"
else
  echo "state=" >> "$GITHUB_OUTPUT"
fi
"""
)
"""Says ``skipped`` where too many stacks of the wave have failed already, as a rollout of our own starts no more."""

CHECK = (
    _NAMES
    + """\
# The newest attempt counts, and a gate that was shut after the bake more than an update that succeeded before it.
awk -F. -v wave="$WAVE" '
  $4 == wave {
    stack = $0
    sub(/^[^.]*[.][^.]*[.][^.]*[.][^.]*[.]/, "", stack)
    key = $1 SUBSEP stack
    if ($2 + 0 >= newest[key]) { newest[key] = $2 + 0; state[key] = $3 }
    stacks[stack] = 1
  }
  END {
    for (stack in stacks) {
      asked = state["ask" SUBSEP stack]
      print (asked == "" || asked == "succeeded" ? state["deploy" SUBSEP stack] : asked), stack
    }
  }' "$RUNNER_TEMP/names" | sort | tee -a "$GITHUB_STEP_SUMMARY" > "$RUNNER_TEMP/states"
count() { grep -c "^$1 " "$RUNNER_TEMP/states" || true; }
good=$(count succeeded)
away=$(( $(count unreachable) + $(count paused) ))
failed=$(( MEMBERS - good - away ))
cat "$RUNNER_TEMP/states"
echo "wave $WAVE: $good of $MEMBERS succeeded, $NEEDED needed; $failed failed, $ALLOWED allowed; $away not reached"
[ "$failed" -le "$ALLOWED" ] && [ "$good" -ge "$NEEDED" ]
"""
)
"""Decides whether the next wave may begin, by the rules of a rollout of our own."""

BAKE = """\
echo "wave $WAVE bakes for $SECONDS_TO_WAIT s"
sleep "$SECONDS_TO_WAIT"
"""
