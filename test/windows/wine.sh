#!/usr/bin/env bash
# Installs what `npm run test:windows` needs on Linux, as root: a Debian 13 chroot with wine 10 (32 and 64 bits) and a virtual
# display. Takes about 3 GB and three minutes. The folder is $WINE_ROOT, or ~/.cache/invoify/wine. Debian 12 has wine 8, in
# which Node 24 does not start.
set -euo pipefail

root="${WINE_ROOT:-$HOME/.cache/invoify/wine}"
[ "$(id -u)" = 0 ] || { echo 'Run this as root.' >&2; exit 1; }
[ ! -e "$root/usr/bin/wine-stable" ] || { echo "$root exists already."; exit 0; }
command -v debootstrap > /dev/null || bash "$(dirname "$0")/../../.ci/apt.sh" debootstrap
mkdir -p "$root"
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase --include=ca-certificates trixie "$root" http://deb.debian.org/debian
chroot "$root" dpkg --add-architecture i386
for pause in 5 60 0; do
  # Fails while the mirror updates: packages of both architectures must have the same version.
  if chroot "$root" apt-get update -qq && DEBIAN_FRONTEND=noninteractive chroot "$root" \
    apt-get install -y -qq --no-install-recommends wine wine64 wine32:i386 xvfb < /dev/null > /dev/null; then
    echo "$(chroot "$root" wine --version 2> /dev/null || true) is ready in $root."
    exit 0
  fi
  sleep "$pause"
done
echo 'wine could not be installed. If package versions do not match, the mirror is being updated: try again later.' >&2
exit 1
