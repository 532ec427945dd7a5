# shellcheck shell=bash
# The credentials of the target account: kept in memory only, and readable by this user only,
# for as long as the build runs.

credentials_file=

# The AWS CLI in the target account.
target=()

keep_credentials() {
  [[ -n ${TARGET_CREDENTIALS:-} ]] || fail "no credentials" "TARGET_CREDENTIALS is empty."

  # Linux has memory-backed storage at /dev/shm; elsewhere this is a developer's own machine.
  local directory=/dev/shm
  [[ -d $directory && -w $directory ]] || directory=$work

  credentials_file=$(umask 077 && mktemp "$directory/credentials.XXXXXX")
  printf '%s\n' "$TARGET_CREDENTIALS" >"$credentials_file"
  unset TARGET_CREDENTIALS

  # The build's own keys, where it has any in its environment, would come first.
  target=(env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN
    AWS_SHARED_CREDENTIALS_FILE="$credentials_file" aws --region "$REGION" --profile target)
  export TF_VAR_credentials_file=$credentials_file
  export TF_VAR_credentials_profile=target
}

forget_credentials() {
  [[ -z $credentials_file ]] || rm -f "$credentials_file"
}
