#!/usr/bin/env bash
# Makes what `npm run test:windows` needs on Linux, as root: a Debian 13 of its own in a folder, with wine 10, 32 and 64
# bits, and a display that nobody sees. About 3 GB and three minutes. The folder is $WINE_ROOT, or ~/.cache/invoify/wine.
# Debian 12 has wine 8, under which Node 24 does not start.
set -euo pipefail

root="${WINE_ROOT:-$HOME/.cache/invoify/wine}"
[ "$(id -u)" = 0 ] || { echo 'Run this as root.' >&2; exit 1; }
[ ! -e "$root/usr/bin/wine-stable" ] || { echo "$root is there already."; exit 0; }
command -v debootstrap > /dev/null || bash "$(dirname "$0")/../../.ci/apt.sh" debootstrap
mkdir -p "$root"
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase --include=ca-certificates trixie "$root" http://deb.debian.org/debian
chroot "$root" dpkg --add-architecture i386
for pause in 5 60 0; do
  # Both architectures must be of the same day: libraries of the same name go together or not at all.
  if chroot "$root" apt-get update -qq && DEBIAN_FRONTEND=noninteractive chroot "$root" \
    apt-get install -y -qq --no-install-recommends wine wine64 wine32:i386 xvfb < /dev/null > /dev/null; then
    echo "$(chroot "$root" wine --version 2> /dev/null || true) is ready in $root."
    exit 0
  fi
  sleep "$pause"
done
echo 'wine could not be installed. If lists or packages do not fit together, the mirror is being updated: try later.' >&2
exit 1
