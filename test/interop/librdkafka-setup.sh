#!/bin/bash
# Builds librdkafka's own test suite, once, for test/interop/librdkafka.ts. Its sources come inside the npm package
# @confluentinc/kafka-javascript; nothing of them is kept in this repository. About four minutes on two cores.
#
#   LIBRDKAFKA_HOME  where it is built (default: .millrace/librdkafka in the clone)
#   JOBS             compilers at a time (default: one to a core)
set -euo pipefail

package=@confluentinc/kafka-javascript
version=1.10.1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
home=${LIBRDKAFKA_HOME:-$root/.millrace/librdkafka}
source=$home/package/deps/librdkafka
built=$home/built-$version

if [ -e "$built" ]; then
    echo "librdkafka: built in $source"
    exit 0
fi

# zlib and zstd are codecs, rapidjson reads the client's statistics; curl is left out with what would need it.
"$root/test/interop/install-packages.sh" build-essential python3 zlib1g-dev libssl-dev libzstd-dev rapidjson-dev

mkdir -p "$home"
cd "$home"
if [ ! -d "$source" ]; then
    archive=$(npm pack --silent "$package@$version" | tail -n 1)
    tar xzf "$archive"
    rm "$archive"
fi

cd "$source"
echo "librdkafka: building in $source"
if ! (./configure --disable-gssapi --disable-curl && make -j"${JOBS:-$(nproc)}" libs && make -j"${JOBS:-$(nproc)}" -C tests build) >"$home/build.log" 2>&1; then
    tail -n 40 "$home/build.log" >&2
    exit 1
fi
touch "$built"
echo "librdkafka: built in $source"
