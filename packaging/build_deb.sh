#!/bin/sh
# Builds the agent's Debian package: build_deb.sh PYTHON OUT, with the minor version of Python that the package is for
# (3.11 for Debian 12, 3.13 for Debian 13, 3.12 for Ubuntu 24.04) and the folder to put it into. `make deb` calls it.
set -eu
python=$1 out=$(mkdir -p "$2" && cd "$2" && pwd)
top=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
work=$scratch/driftline-agent
mkdir "$work"

case $(dpkg --print-architecture) in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*) echo "no wheels of grpcio for $(dpkg --print-architecture); packages are built for amd64 and arm64" >&2 && exit 1 ;;
esac

cp -r "$top/packaging/debian" "$top/packaging/agent.toml" "$top/docs/agent.md" "$work/"
cp -r "$top/agent/systemd" "$work/units"
mv "$work/units/sysusers.d/driftline-agent.conf" "$work/sysusers.conf"
rmdir "$work/units/sysusers.d"
echo "$python" > "$work/PYTHON"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$top/pyproject.toml")
cat > "$work/debian/changelog" <<EOF
driftline-agent ($version~py$python) unstable; urgency=medium

  * See the CHANGELOG of driftline.

 -- The driftline authors <driftline@localhost>  $(date -R ${SOURCE_DATE_EPOCH:+-d @$SOURCE_DATE_EPOCH})
EOF

# Only wheels, for the Python and the machine of the package, whatever this one has.
if command -v uv > /dev/null; then
    uv pip install -q --target "$work/site" --python "$top/.venv/bin/python" --python-version "$python" \
        --python-platform "$machine-manylinux_2_28" --only-binary :all: --require-hashes -r "$top/requirements-agent.lock"
else
    "$top/.venv/bin/python" -m pip install -q --disable-pip-version-check --target "$work/site" --python-version "$python" \
        --platform "manylinux_2_28_$machine" --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" \
        --only-binary :all: --require-hashes -r "$top/requirements-agent.lock"
fi
rm -rf "$work/site/bin"
for room in "$top/agent/driftline_agent" "$top/protos/driftline"; do
    cp -r "$room" "$work/site/"
done
find "$work/site" -name __pycache__ -prune -exec rm -rf {} +

cd "$work"
dpkg-buildpackage -b -us -uc > "$scratch/build.log" 2>&1 || { cat "$scratch/build.log" >&2; exit 1; }
mv "$scratch"/driftline-agent_*.deb "$out/"
