#!/bin/sh
# Compress the manual pages into target/assets/rpm, as an rpm has them. cargo-deb
# does this by itself, cargo-generate-rpm does not. Run from the top folder, after
# the generated pages are in target/assets/man.
set -eu
rm -rf target/assets/rpm
mkdir -p target/assets/rpm
for page in packaging/man/*.[578] target/assets/man/*.1; do
    gzip -9nc "$page" >"target/assets/rpm/${page##*/}.gz"
done
