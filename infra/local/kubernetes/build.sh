#!/usr/bin/env bash
# Builds Kubernetes' own programs from Debian's packages into a folder:
#
#   build.sh FOLDER      etcd, kube-apiserver, kube-controller-manager, kube-scheduler
#
# Debian 12 has the last Kubernetes whose sources are one package with all that they need, and a Go that compiles it.
# apt is used with settings of its own: the machine's packages and lists stay as they are, and root is not needed.
# Lines that begin with "stage: " tell how far it is. Started twice, it builds once: the second waits for the first.
set -euo pipefail

readonly release=bookworm version=1.20.2
target=$(realpath -m "${1:?the folder for the programs}")
work=$target.build
programs=(kube-apiserver kube-controller-manager kube-scheduler)

stage() {
  echo "stage: $*"
  echo "$*" >"$target.stage"
}

fail() {
  echo "error: $*" >&2
  exit 1
}

# A line "deb … URI suite …" or a stanza with "URIs: URI": the machine's own mirror of Debian.
# A machine has some of these files, seldom all.
mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
    sed -nE 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p; s/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]].*/\2/p' |
    awk '/\/debian\/?$/ && !found++'
}

private_apt() {
  local uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v apt-get >/dev/null || fail "there is no apt-get"
  uri=$(mirror)
  [[ -n $uri ]] || fail "apt has no Debian mirror on this machine"
  [[ -r $keyring ]] || fail "$keyring is missing: install debian-archive-keyring"

  mkdir -p "$work"/apt/{state/lists/partial,cache/archives/partial,sources,preferences}
  cat >"$work/apt/sources/debian.sources" <<SOURCES
Types: deb deb-src
URIs: $uri
Suites: $release
Components: main
Signed-By: $keyring
SOURCES
  cat >"$work/apt/apt.conf" <<CONF
Dir::State "$work/apt/state";
Dir::Cache "$work/apt/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$work/apt/sources";
Dir::Etc::preferencesparts "$work/apt/preferences";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
  export APT_CONFIG=$work/apt/apt.conf
  apt-get --quiet update
}

# Unpacks Debian packages into $work/root, without installing them.
unpack() {
  local folder
  folder=$(mktemp -d -p "$work")
  (cd "$folder" && apt-get --quiet download "$@")
  for package in "$folder"/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
  done
  rm -r "$folder"
}

fetch_sources() {
  cd "$work"
  apt-get --quiet source --download-only kubernetes
  if ! command -v dpkg-source >/dev/null; then
    unpack dpkg-dev libdpkg-perl patch xz-utils
    export PERL5LIB=$work/root/usr/share/perl5 PATH=$PATH:$work/root/usr/bin
  fi
  mkdir -p "$work/go/src/k8s.io"
  dpkg-source --extract kubernetes_*.dsc "$work/go/src/k8s.io/kubernetes"
}

# The JSON library that Kubernetes vendors walks maps with a function inside Go, which takes the iterator as an argument
# since Go 1.18 and allocated it before: unrepaired, the API server dies as soon as it sorts a map's keys, as in YAML.
# The iterator has the size and the pointers of Go's own (reflect.hiter), or the garbage collector would miss some.
repair_map_iteration() {
  patch --fuzz=0 --strip=0 --directory=vendor/github.com/modern-go/reflect2 <<'PATCH'
--- unsafe_link.go
+++ unsafe_link.go
@@ -32 +32 @@
-func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer) *hiter
+func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer, it *hiter)
@@ -47 +47,2 @@
-	// rest fields are ignored
+	pointers [6]unsafe.Pointer
+	numbers  [4]uintptr
--- unsafe_map.go
+++ unsafe_map.go
@@ -111,2 +111,4 @@
-	return &UnsafeMapIterator{
-		hiter:      mapiterinit(type2.rtype, *(*unsafe.Pointer)(obj)),
+	it := new(hiter)
+	mapiterinit(type2.rtype, *(*unsafe.Pointer)(obj), it)
+	return &UnsafeMapIterator{
+		hiter:      it,
PATCH
}

# Debian leaves generated code out of its sources; the API server needs this piece of it.
generate_openapi() {
  local inputs
  go build -o "$work/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
  inputs=$(grep --recursive --files-with-matches --extended-regexp --include='*.go' '^// \+k8s:openapi-gen=' vendor/k8s.io/*/ pkg cmd plugin |
    grep --invert-match --extended-regexp 'code-generator|sample-apiserver|zz_generated' |
    xargs --max-args=1 dirname | LC_ALL=C sort --unique | sed 's#^#k8s.io/kubernetes/#' | paste --serial --delimiters=,)
  "$work/openapi-gen" --input-dirs "$inputs" --output-package k8s.io/kubernetes/pkg/generated/openapi \
    --output-file-base zz_generated.openapi --go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
    --report-filename "$work/violations" 2>"$work/openapi-gen.log" || fail "openapi-gen: $(tail -n 3 "$work/openapi-gen.log")"
}

compile() {
  local package flags="-s -w"
  for package in component-base/version client-go/pkg/version; do
    package=k8s.io/kubernetes/vendor/k8s.io/$package
    flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=20"
  done
  # -v names each package as it is compiled.
  go build -v -ldflags "$flags" -o "$work/bin/" "${programs[@]/#/k8s.io/kubernetes/cmd/}" 2>&1 |
    awk '/^[a-z]/ { if (++count % 20 == 0) { print "stage: compiling, " count " of about 1700 packages"; fflush() } next } { print }'
}

is_complete() {
  local program
  for program in etcd "${programs[@]}"; do
    [[ -x $target/$program ]] || return 1
  done
}

# A parent that was killed cannot end us.
end_with_parent() {
  while kill -0 "$PPID" 2>/dev/null; do sleep 1; done
  kill -KILL -- "-$$"
}

mkdir -p "$(dirname "$target")"
exec 9>"$target.lock"
until flock --nonblock 9; do
  echo "stage: $(cat "$target.stage" 2>/dev/null), by another process"
  sleep 2
done
! is_complete || exit 0
end_with_parent 9>&- &
rm -rf "$work"
mkdir -p "$work/root" "$work/bin"
trap 'kill %1; rm -rf "$work" "$target.stage"' EXIT

stage "downloading Debian's sources and Go, 120 MB"
private_apt
unpack golang-1.19-go golang-1.19-src etcd-server
cp "$work/root/usr/bin/etcd" "$work/bin/"
fetch_sources

export GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/go GOCACHE=$work/go-cache HOME=$work
export GOPROXY=off GO111MODULE=off CGO_ENABLED=0 GOTOOLCHAIN=local
unset GOFLAGS GOOS GOARCH
export PATH=$GOROOT/bin:$PATH
cd "$GOPATH/src/k8s.io/kubernetes"
repair_map_iteration
stage "generating code"
generate_openapi
stage "compiling"
compile

mkdir -p "$target"
mv "$work"/bin/* "$target/"
is_complete || fail "$target is not complete"
stage "done"
