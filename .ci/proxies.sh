#!/usr/bin/env bash
# Installs the reverse proxies whose configuration in hosting/ is tested, unless they are there already.
set -euo pipefail

for program in nginx caddy; do
  command -v "$program" > /dev/null || bash "$(dirname "$0")/apt.sh" "$program"
done

nginx -v 2>&1
echo "Caddy $(caddy version)"
