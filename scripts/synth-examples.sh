#!/usr/bin/env bash
# Synthesise every file of examples/deployments as a user without an account would: no credentials, no
# region, nothing that could look one up. Each has a minute. Their templates are left in cdk.out/<name>.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!AWS_@}"
# Without a home folder each would unpack CDK anew.
export JSII_RUNTIME_PACKAGE_CACHE_ROOT="$HOME/.cache/aws/jsii/package-cache"
export AWS_EC2_METADATA_DISABLED=true HOME=/nonexistent

failed=0
for config in examples/deployments/*.yaml; do
  name=$(basename "$config" .yaml)
  began=$SECONDS
  if timeout --kill-after=10s 60s node_modules/.bin/cdk synth --quiet --output "cdk.out/$name" \
    -c stage=cloud -c config="$config" </dev/null; then
    printf '%-24s %3d stacks  %3d s\n' "$name" "$(find "cdk.out/$name" -name '*.template.json' | wc -l)" $((SECONDS - began))
  else
    echo "$name: not synthesised, or not within 60 s" >&2
    failed=1
  fi
done
exit $failed
