#!/bin/bash
# Compiles @confluentinc/kafka-javascript, once, for test/interop/kafka-javascript.test.ts: its prebuilt binaries lie outside
# the registry. About three minutes: its makefile goes wrong with several compilers at a time.
#
#   KAFKA_JAVASCRIPT_HOME  where it is installed (default: .millrace/kafka-javascript in the clone)
set -euo pipefail

package=@confluentinc/kafka-javascript
version=1.10.1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
home=${KAFKA_JAVASCRIPT_HOME:-$root/.millrace/kafka-javascript}
# A binary is of one version of Node.
built=$home/built-$version-$(node -p process.versions.modules)

if [ -e "$built" ]; then
    echo "kafka-javascript: built in $home"
    exit 0
fi

"$root/test/interop/install-packages.sh" build-essential python3 zlib1g-dev libssl-dev libzstd-dev

mkdir -p "$home"
cd "$home"
echo '{ "private": true }' >package.json
rm -rf node_modules built-*
if ! CKJS_LINKING=dynamic JOBS=1 npm install --no-save --no-audit --no-fund --foreground-scripts "$package@$version" >build.log 2>&1; then
    tail -n 40 build.log >&2
    exit 1
fi
touch "$built"
echo "kafka-javascript: built in $home"
