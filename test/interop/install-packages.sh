#!/bin/bash
# Installs those of the named Debian packages that are missing.
set -euo pipefail

missing=()
for each in "$@"; do
    dpkg-query -W -f '${Status}\n' "$each" 2>/dev/null | grep -q 'ok installed' || missing+=("$each")
done
if [ ${#missing[@]} -gt 0 ]; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
