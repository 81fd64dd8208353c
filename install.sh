#!/bin/sh
# Installs entmootd for one user, or removes it:
#   curl -fsSL https://github.com/jerryfane/entmoot/releases/latest/download/install.sh | sh
#   ... | sh -s -- --version v0.1.0
#   ... | sh -s -- uninstall
#
# Nothing runs before the last line has arrived: all of it is one pair of braces. And `entmootd` itself is put in place
# last, in one step: whenever this is interrupted, there is the installation of before or a whole new one.
{
# zsh reads this as the others do.
if [ -n "${ZSH_VERSION:-}" ]; then emulate sh; fi
set -eu
# What somebody has set for their own sessions is nothing to go by here: neither options of the shell and of tools, nor
# functions of the names of tools, which bash hands on.
set +C +a +f
IFS=' 	
'
unset CDPATH ENV BASH_ENV GREP_OPTIONS GREP_COLOR GREP_COLORS TAR_OPTIONS TAR_READER_OPTIONS GZIP CLICOLOR_FORCE \
  GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE || :
for each in cat cd chmod chown chroot command cp curl date df dirname expr getconf getent git grep gzip head id kill ldd ln ls \
  mkdir mkfifo mktemp mv node npm openssl printf pwd read readlink rm rmdir sed setpriv sha256sum shasum sync sysctl tail tar \
  timeout tr true uname wait wc wget; do
  unset -f "$each" 2>/dev/null || :
done
# Bytes are bytes, and a to z are 26 letters.
LC_ALL=C
export LC_ALL

# The public keys releases are signed with (base64 of 32 bytes, blanks between), and where releases are.
# >>> filled in by the release >>>
RELEASE_PUBKEYS=''
RELEASE_REPO='jerryfane/entmoot'
# <<< filled in by the release <<<

# What a manifest, its signatures, an archive, a binary and an address have at most, in bytes. The same as `entmootd update` holds to.
MANIFEST_MAX=1048576
SIGNATURES_MAX=4096
LISTING_MAX=4194304
ARCHIVE_MAX=536870912
BINARY_MAX=1073741824
URL_MAX=2048

BLOCK_BEGIN='# >>> written by install.sh: values may be edited, lines outside are kept >>>'
BLOCK_END='# <<< written by install.sh <<<'
PATH_MARK="# added by entmoot's install.sh"
# What follows it where the last line of the file had no end.
CUT_MARK=', after a line without end'
# The first line of a start-up file that was not there.
MADE_MARK="# made by entmoot's install.sh"

usage() {
  cat <<'USAGE'
Installs entmootd and its alias entmoot, or removes them.

usage:
  install.sh [install] [--version V] [--prerelease] [--dry-run] [--no-path] [--from-source]
  install.sh uninstall [--purge] [--yes] [--dry-run]

options:
  --version V    this release, also an older one (default: the newest)
  --prerelease   also take a pre-release (default: only where one is installed)
  --dry-run      say what would be done, change nothing
  --no-path      leave the start-up files of the shell alone
  --from-source  build with npm instead of fetching a binary; from this checkout when run inside one
  --purge        also remove identity, moots and messages; asks first
  --yes          answer yes to that question
  --help         this text

environment:
  ENTMOOT_HOME             where to install, and the data root (default $HOME/.entmoot, or /data/.entmoot in a
                           container that keeps /data)
  PILOT_HOME               folder of the Pilot daemon (default $HOME/.pilot, or /data/.pilot)
  PILOT_BIN_DIR            its programs (default $PILOT_HOME/bin)
  ENTMOOTD_LOCAL_BIN       install this file instead of fetching one
  ENTMOOT_UPDATE_URL       folder of a release feed; https, or http on this machine's loopback
  ENTMOOT_RELEASE_PUBKEYS  keys releases must be signed with, base64, comma separated
  ENTMOOT_SOURCE_URL       git repository for --from-source

kept in runtime.env when set: ENTMOOT_HIDE_IP, PILOT_PUBLIC, ENTMOOT_START_TIMEOUT, ENTMOOT_RUN_USER, PILOT_DAEMON_BIN,
  PILOTCTL_BIN, PILOT_REGISTRY, PILOT_BEACON, PILOT_HOSTNAME, PILOT_EMAIL, PILOT_TURN_PROVIDER,
  PILOT_CLOUDFLARE_TURN_CREDS_FILE, PILOT_RENDEZVOUS_URL

exit status: 0 done, 1 failed (nothing was changed unless it says so), 2 wrong option
USAGE
}

say() { printf '%s\n' "$*"; }
# What is told may come from a stranger: it is kept short, moves no cursor and turns no line; of bytes beyond ASCII a "?" is
# left, because this is no place to tell letters from marks.
warn() { printf 'install.sh: %s\n' "$(printf '%s' "$*" | tr '\n\t\200-\377' '  ?' | tr -d '\000-\037\177' | head -c 2000)" >&2; }
told=
fail() {
  warn "$*"
  told=yes
  exit 1
}
misused() {
  warn "$*; see --help"
  exit 2
}
uid=$(id -u)
has() { command -v "$1" >/dev/null 2>&1; }

# roots FILE...: whether all of them are root's, and nobody else may write one, or exchange what is in it.
roots() {
  # shellcheck disable=SC2012 # Of a line of ls only what stands before the name is read; what does not look so is refused.
  ls -ldn "$@" 2>/dev/null | (
    # In a shell of its own: some run the end of a pipe in this one.
    while read -r mode _ number _; do
      case $number:$mode in
      0:d????????[tT]*) ;;
      0:?????w* | 0:????????w*) exit 1 ;;
      0:[d-]*) ;;
      *) exit 1 ;;
      esac
    done
  )
}

# roots_alone FILE: whether only root can change what FILE is: itself, and what each folder on the way to it is.
roots_alone() {
  if [ -L "$1" ] || [ ! -e "$1" ]; then return 1; fi
  way=$(CDPATH='' cd -P -- "${1%/*}/" 2>/dev/null && pwd -P) || return 1
  set -- "$1" /
  while [ -n "${way%/}" ]; do
    set -- "$@" "$way/."
    way=${way%/*}
  done
  roots "$@"
}

# run PROGRAM ARGS: becomes PROGRAM; so it is for a shell of its own. Root becomes no program that another user could
# have put there, but runs it as that user. What was just made in the work folder is root's, whose folder's name may be
# another's to change: it is run from within. $limit is put before it.
limit=
run() {
  program=$1
  if [ "$uid" != 0 ]; then exec $limit "$@"; fi
  if [ "${program%/*}" = "$work" ]; then
    shift
    CDPATH='' cd -P -- "$work" && roots . "./${program##*/}" && exec $limit "./${program##*/}" "$@"
    exit 126
  fi
  if roots_alone "$program"; then exec $limit "$@"; fi
  shift
  whose=$(owner_of "$bin_dir")
  if [ -n "$whose" ]; then become "$whose" "$program" "$@"; fi
  warn "$program: not run, because it is another user's; run this script as that user"
  exit 126
}

# become USER:GROUP PROGRAM ARGS: becomes PROGRAM as that user, for a shell of its own; comes back where nothing can do that.
become() {
  whose=$1
  shift
  if setpriv --reuid="${whose%:*}" --regid="${whose#*:}" --clear-groups true 2>/dev/null; then
    exec $limit setpriv --reuid="${whose%:*}" --regid="${whose#*:}" --clear-groups "$@"
  fi
  if chroot --userspec="$whose" --groups= / true 2>/dev/null; then
    exec $limit chroot --userspec="$whose" --groups= / "$@"
  fi
}

# again WORDS: how this script is run with other options, the way it was run now.
again() {
  if [ -f "$0" ]; then say "sh $(word "$0") $*"; else say "... | sh -s -- $*"; fi
}

# below A B: whether the number A is less than B. Not by arithmetic: some shells have 32 bits for that.
below() {
  if [ ${#1} -ne ${#2} ]; then [ ${#1} -lt ${#2} ]; else expr "x$1" \< "x$2" >/dev/null; fi
}

# word TEXT: TEXT for people to paste, quoted when it needs that.
word() {
  case $1 in
  *[!A-Za-z0-9_./-]* | '') quoted "$1" ;;
  *) printf '%s' "$1" ;;
  esac
}

# quoted TEXT: TEXT as one word of shell.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# ---- where ----

# A container that has something mounted at /data keeps that and nothing else.
keeps_data() {
  if [ -d /data/.entmoot ] && [ -w /data/.entmoot ]; then return 0; fi
  [ -d /data ] && [ -w /data ] && [ ! -d /data/.entmoot ] || return 1
  if [ -n "${HOME:-}" ] && [ -e "$HOME/.entmoot/identity.json" ]; then return 1; fi
  if [ ! -e /.dockerenv ] && [ ! -e /run/.containerenv ] && [ -z "${container:-}" ] && [ -z "${KUBERNETES_SERVICE_HOST:-}" ]; then
    return 1
  fi
  [ ! -r /proc/self/mountinfo ] || grep -q '^[^ ]* [^ ]* [^ ]* [^ ]* /data ' /proc/self/mountinfo
}

# Sets install_dir, bin_dir, pilot_dir, pilot_bin_dir, pilot_socket.
find_places() {
  if [ -n "${ENTMOOT_HOME:-}" ]; then
    install_dir=$ENTMOOT_HOME
  elif keeps_data; then
    install_dir=/data/.entmoot
  elif [ -n "${HOME:-}" ]; then
    case $HOME in
    /*) ;;
    *) fail "HOME: expected an absolute path, found '$HOME'; set ENTMOOT_HOME to a folder to install to" ;;
    esac
    install_dir=${HOME%/}/.entmoot
  elif [ -d /data ] && [ -w /data ]; then
    fail 'neither HOME nor ENTMOOT_HOME is set; /data can be written: set ENTMOOT_HOME=/data/.entmoot'
  else
    fail 'neither HOME nor ENTMOOT_HOME is set; set ENTMOOT_HOME to a folder to install to'
  fi
  while [ "${install_dir%/}" != "$install_dir" ]; do install_dir=${install_dir%/}; done
  require_path ENTMOOT_HOME "$install_dir"
  bin_dir=$install_dir/bin
  if [ -n "${PILOT_HOME:-}" ]; then
    pilot_dir=$PILOT_HOME
  elif [ "$install_dir" = /data/.entmoot ]; then
    pilot_dir=/data/.pilot
  else
    pilot_dir=${HOME:-$install_dir}/.pilot
  fi
  require_path PILOT_HOME "$pilot_dir"
  pilot_bin_dir=${PILOT_BIN_DIR:-$pilot_dir/bin}
  require_path PILOT_BIN_DIR "$pilot_bin_dir"
  pilot_socket=/tmp/pilot.sock
  if [ -n "${PILOT_HOME:-}" ] || [ "$install_dir" = /data/.entmoot ]; then pilot_socket=$pilot_dir/pilot.sock; fi
}

require_path() {
  case $2 in
  /?*) ;;
  *) fail "$1: expected an absolute path below the root folder, found '$2'" ;;
  esac
  require_line "$1" "$2"
}

require_line() {
  case $2 in
  *"
"*) fail "$1: expected one line, found several" ;;
  esac
}

# Sets os, arch, libc, platform; returns 1 for a machine no release is made for, with the reason in platform.
find_platform() {
  os=$(uname -s)
  arch=$(uname -m)
  libc=
  platform="$os $arch"
  case $os in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) return 1 ;;
  esac
  case $arch in
  x86_64 | amd64) arch=amd64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) return 1 ;;
  esac
  if [ "$os" = linux ]; then
    if [ "$(getconf LONG_BIT 2>/dev/null || say 64)" = 32 ]; then
      platform="$platform with 32-bit programs"
      return 1
    fi
    if is_musl; then libc=musl; else libc=glibc; fi
  elif [ "$arch" = amd64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || say 0)" = 1 ]; then
    arch=arm64 # This shell is translated; the machine is not an Intel one.
  fi
  platform=$os-$arch
  if [ "$libc" = musl ]; then platform=$platform-musl; fi
}

# A glibc system may have musl's loader too, as a package for cross-compiling; so glibc is asked for first.
is_musl() {
  if getconf GNU_LIBC_VERSION >/dev/null 2>&1; then return 1; fi
  if has ldd; then
    case $(ldd --version 2>&1 || :) in
    *musl*) return 0 ;;
    *GLIBC* | *GNU*) return 1 ;;
    esac
  fi
  for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do
    if [ -e "$loader" ]; then return 1; fi
  done
  for loader in /lib/ld-musl-*; do
    if [ -e "$loader" ]; then return 0; fi
  done
  return 1
}

# ---- the work folder ----

work=
spare=
made_home=
made_bin=

clean_up() {
  result=$?
  trap '' HUP INT TERM
  case $result in
  0 | 2) ;;
  129 | 130 | 143) warn "interrupted; run it again${stopped:-}" || : ;;
  *)
    if [ -z "$told" ]; then warn "not done: something failed; is the disk full?"; fi
    result=1
    ;;
  esac
  if [ -n "$holder" ] && [ -n "$made_bin" ] && [ ! -e "$bin_dir/entmootd" ]; then rm -f "$bin_dir/.entmootd.lock"; fi
  # Whoever does not want to wait does not wait for the program either.
  if [ -n "$holder" ] && [ "$result" -gt 128 ]; then kill "$holder" 2>/dev/null || :; fi
  let_go
  # Gone again when this run made them and put nothing there.
  if [ -n "$made_bin" ]; then rmdir "$bin_dir" 2>/dev/null || :; fi
  if [ -n "$made_home" ]; then rmdir "$install_dir" 2>/dev/null || :; fi
  exit "$result"
}

# A folder beside the binary: the same file system, so that a rename is one step, and one where programs may run.
make_work() {
  find_owner
  if [ ! -d "$install_dir" ]; then
    { mkdir -p "$(dirname "$install_dir")" && (umask 077 && mkdir -p "$install_dir"); } 2>/dev/null || fail "$install_dir: cannot be made; set ENTMOOT_HOME to a folder that can be written"
    made_home=yes
  fi
  if [ ! -d "$bin_dir" ]; then
    mkdir -p "$bin_dir" 2>/dev/null || fail "$bin_dir: cannot be made; set ENTMOOT_HOME to a folder that can be written"
    made_bin=yes
  fi
  sweep
  work=$bin_dir/.install.$$
  (umask 077 && mkdir "$work") 2>/dev/null || {
    work=
    fail "$bin_dir: cannot be written; set ENTMOOT_HOME to a folder that can"
  }
}

# Of the lock and the work folder.
let_go() {
  if [ -n "$holder" ]; then
    exec 8<&- 9>&-
    wait "$holder" || :
    holder=
  fi
  if [ -n "$work" ]; then rm -rf "$work"; fi
  if [ -n "$spare" ]; then rm -f "$spare"; fi
  work=
  spare=
}

# take_lock PROGRAM: the lock that `entmootd update` takes in the same folder. PROGRAM holds it until its stdin ends,
# which is when this run ends, however it does; so there are no stale locks. A program that knows of no lock is older
# than any that takes it.
holder=
take_lock() {
  mkfifo "$work/hold" "$work/held" 2>/dev/null || {
    warn "$bin_dir: cannot be locked, because no pipe can be made there; see that nothing else changes it now"
    return 0
  }
  # The two meet at each pipe in the same order. Not opened before: some shells hand what is open on to the program,
  # whatever is said of it, and it would wait for its own end.
  (run "$1" update-lock -install-dir "$bin_dir") <"$work/hold" >"$work/held" 2>"$work/why" &
  holder=$!
  exec 9>"$work/hold"
  exec 8<"$work/held"
  waited=
  while read -r answer <&8; do
    case $answer in
    *'"state":"held"'*) return 0 ;;
    *'"state":"waiting"'*)
      waited=yes
      say "another installation or update is under way in $bin_dir; waiting for its end"
      ;;
    esac
  done
  exec 8<&- 9>&-
  ended=0
  wait "$holder" || ended=$?
  holder=
  if [ -n "$waited" ] && [ "$ended" -le 128 ]; then fail "another installation or update is still under way in $bin_dir; nothing was changed; wait until it is done"; fi
  if [ "$ended" -gt 128 ]; then say "update-lock: was killed" >"$work/why"; fi
  case $(cat "$work/why") in
  *update-lock:*) warn "$bin_dir: cannot be locked ($(cat "$work/why")); see that nothing else changes it now" ;;
  esac
}

# What runs that were killed left behind.
sweep() {
  for left in "$bin_dir"/.install.*; do
    [ -d "$left" ] || continue
    # In a container a second run easily has the process id of the first.
    if [ "${left##*.}" = $$ ] || ! kill -0 "${left##*.}" 2>/dev/null; then rm -rf "$left"; fi
  done
}

# Somewhere for a few small files, when the place to install to is not to be touched.
make_scratch() {
  for dir in "${TMPDIR:-/tmp}" /tmp /var/tmp /dev/shm; do
    work=$dir/entmoot-install.$$
    if (umask 077 && mkdir "$work") 2>/dev/null; then return 0; fi
  done
  work=
  fail 'no folder for temporary files can be written; set TMPDIR to one'
}

# free_kb DIR: what its disk has left, in KiB; nothing when that cannot be told.
free_kb() {
  df -Pk "$1" 2>/dev/null | sed -n '2s/^.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*$/\1/p'
}

# ---- fetching ----

# Sets feed, with a slash at its end, and is_forge.
find_feed() {
  is_forge=
  if [ -z "${ENTMOOT_UPDATE_URL:-}" ]; then
    is_forge=yes
    feed=https://github.com/$RELEASE_REPO/releases/latest/download/
    return 0
  fi
  feed=${ENTMOOT_UPDATE_URL%/}/
  expected='ENTMOOT_UPDATE_URL: expected the https:// address of a folder'
  # `entmootd update` would not take it from the file it is kept in.
  if [ ${#feed} -gt "$URL_MAX" ]; then fail "$expected, found ${#feed} characters"; fi
  case $feed in
  *[!A-Za-z0-9._~:/%+=,\[\]-]*) fail "$expected without blanks, user name, query or fragment, found '$feed'" ;;
  https://[A-Za-z0-9\[]*) ;;
  http://*)
    host=${feed#http://}
    host=${host%%/*}
    case $host in
    localhost | localhost:* | '[::1]' | '[::1]:'*) return 0 ;;
    esac
    case ${host%%:*} in
    127.*[!0-9.]*) ;;
    127.*.*.*) return 0 ;;
    esac
    fail "$expected, found http://$host; plain http is only for this machine's loopback"
    ;;
  *) fail "$expected, found '$feed'" ;;
  esac
}

find_fetcher() {
  for each in tar gzip; do has "$each" || fail "$each is not installed; install it"; done
  weak_tls=
  # What is passed over may be what a network like this one needs.
  own_settings=
  for each in "${CURL_HOME:-}/.curlrc" "${XDG_CONFIG_HOME:-${HOME:-}/.config}/curlrc" "${HOME:-}/.curlrc" "${HOME:-}/.wgetrc"; do
    if [ -s "$each" ]; then own_settings=$each; fi
  done
  if has curl; then
    fetcher=curl
  elif has wget; then
    fetcher=wget
    if wget --version 2>/dev/null | grep -q 'GNU Wget'; then fetcher=gnu_wget; else weak_tls=yes; fi
  else
    fail 'neither curl nor wget is installed; install one of them'
  fi
}

# body_of URL: its bytes on stdout. A feed on a server of one's own stays there: only the forge may send us elsewhere.
body_of() {
  case $1 in
  https:*) scheme='=https' ;;
  *) scheme='=http' ;;
  esac
  case $fetcher in
  curl)
    url=$1
    # First, or it does not count: nothing is read from .curlrc.
    set -- --disable --globoff --fail --silent --show-error --proto "$scheme" --connect-timeout 20 --speed-limit 512 \
      --speed-time 60 --user-agent entmoot-install --dump-header "$work/headers" --write-out ''
    if [ "$scheme" = '=http' ]; then set -- "$@" --noproxy '*'; fi
    if [ -n "$is_forge" ]; then set -- "$@" --location --max-redirs 5 --proto-redir '=https'; fi
    curl "$@" "$url"
    ;;
  gnu_wget)
    set -- --no-config --quiet --output-document=- --tries=1 --timeout=60 --user-agent=entmoot-install "$1"
    if [ "$scheme" = '=http' ]; then set -- --no-proxy "$@"; fi
    if [ -z "$is_forge" ]; then set -- --max-redirect=0 "$@"; fi
    wget "$@"
    ;;
  # No -T: some builds of busybox end at it with a memory fault. Without, it gives up after 15 minutes of silence.
  *)
    if [ "$scheme" = '=http' ]; then unset http_proxy; fi
    wget -q -O - "$1"
    ;;
  esac
}

# fetch URL FILE MAX: at most MAX bytes. Returns 1 when it cannot be had, with the reason in why; ends this run when
# what is there cannot be right.
fetch() {
  : >"$work/headers"
  {
    ended=0
    body_of "$1" 2>"$work/why" || ended=$?
    say "$ended" >"$work/status"
  } | head -c "$(($3 + 1))" >"$2" || fail "$2: cannot be written; is the disk full?"
  got=$(size_of "$2")
  if [ "$got" -gt "$3" ]; then fail "$1: expected at most $3 bytes, found more"; fi
  code=$(sed -n 's/^HTTP[^ ]* \([0-9][0-9][0-9]\).*/\1/p' "$work/headers" | tail -n 1)
  case $code in
  3??) fail "$1: sends us elsewhere (status $code), which is not followed" ;;
  esac
  if [ "$(cat "$work/status")" = 0 ]; then return 0; fi
  why="$1: $(tr '\n' ' ' <"$work/why" | sed 's/ *$//')"
  if [ -z "$code" ] && [ "$why" = "$1: " ]; then why="$1: cannot be fetched"; fi
  if [ -z "$code" ] && [ -n "$own_settings" ]; then why="$why; $own_settings is not read here: a proxy goes into https_proxy"; fi
  if [ "${code:-200}" = 200 ] && [ "$got" -gt 0 ]; then why="$why; cut off after $got bytes"; fi
  return 1
}

size_of() {
  wc -c <"$1" | tr -d ' '
}

sha256_of() {
  if has sha256sum; then
    sha256sum <"$1"
  elif has shasum; then
    shasum -a 256 <"$1"
  elif has openssl; then
    openssl dgst -sha256 -r <"$1"
  else
    fail 'no program for SHA-256 is installed; install sha256sum, shasum or openssl'
  fi | sed 's/[^0-9a-f].*//'
}

# ---- trust ----

# verify KEY MESSAGE SIGNATURE: whether KEY (base64) signed the file MESSAGE; SIGNATURE is base64.
verify() {
  # The first bytes are what a public key of Ed25519 begins with as SubjectPublicKeyInfo (RFC 8410).
  printf -- '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%s\n-----END PUBLIC KEY-----\n' "$1" >"$work/key"
  printf '%s' "$3" | openssl base64 -d -A >"$work/signature" 2>/dev/null || return 1
  openssl pkeyutl -verify -pubin -inkey "$work/key" -rawin -in "$2" -sigfile "$work/signature" >/dev/null 2>&1
}

# Whether openssl here can tell a right Ed25519 signature from a wrong one: RFC 8032, section 7.1, test 2.
can_verify() {
  has openssl || return 1
  key='PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw='
  signature='kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA=='
  printf r >"$work/message"
  if ! verify "$key" "$work/message" "$signature"; then
    # A full disk looks the same, and is no reason to trust anybody.
    printf '%s' "$signature" >"$work/signature" || fail "$work: cannot be written; is the disk full?"
    return 1
  fi
  printf s >"$work/message"
  ! verify "$key" "$work/message" "$signature"
}

# Ends this run unless a release key signed the manifest, or nothing here can tell. Says which.
check_signature() {
  keys=$(printf '%s' "${ENTMOOT_RELEASE_PUBKEYS:-$RELEASE_PUBKEYS}" | tr ',\t\n' '   ')
  unsigned=
  if [ -z "$(printf '%s' "$keys" | tr -d ' ')" ]; then
    unsigned='this script carries no release keys'
  elif ! can_verify; then
    if [ -n "${ENTMOOT_RELEASE_PUBKEYS:-}" ]; then
      fail 'ENTMOOT_RELEASE_PUBKEYS: no openssl 3 is here to check signatures with; install openssl 3, or leave the variable out to rely on checksums'
    fi
    unsigned='openssl 3 is not here to check signatures with'
  fi
  if [ -n "$unsigned" ]; then
    case $weak_tls$folder in
    yeshttps:*) fail "$unsigned, and this wget does not check who it talks to; install curl" ;;
    esac
    warn "$unsigned: only checksums are checked"
    return 0
  fi
  fetch "$folder"manifest.json.sig "$work/manifest.json.sig" "$SIGNATURES_MAX" ||
    fail "$why; an unsigned release is not installed"
  set -f
  known=
  for key in $keys; do
    case $key in
    *[!A-Za-z0-9+/=]* | ????????????????????????????????????????????*?) ;;
    ???????????????????????????????????????????=)
      printf '%s' "$key" | openssl base64 -d -A >"$work/raw"
      id=$(sha256_of "$work/raw")
      known="$known ${id%????????????????????????????????????????????????}=$key"
      continue
      ;;
    esac
    fail "release key: expected base64 of 32 bytes, found '$key'"
  done
  found=
  wrong=
  lines=0
  while read -r id signature rest || [ -n "$id" ]; do
    lines=$((lines + 1))
    if [ "$lines" -gt 16 ]; then fail "manifest.json.sig: expected at most 16 signatures, found more"; fi
    case $id in
    '') continue ;;
    *[!0-9a-f]*) fail "manifest.json.sig: expected key id and signature on each line, found '$id'" ;;
    esac
    found="$found $id"
    for each in $known; do
      [ "${each%%=*}" = "$id" ] || continue
      if [ -z "$rest" ] && verify "${each#*=}" "$work/manifest.json" "$signature"; then
        set +f
        say "signed by release key $id"
        return 0
      fi
      wrong=yes
    done
  done <"$work/manifest.json.sig"
  set +f
  if [ -n "$wrong" ]; then
    fail 'release manifest: the signature does not match its bytes; it was changed after it was signed'
  fi
  ids=
  for each in $known; do ids="$ids ${each%%=*}"; done
  fail "release manifest: expected a signature by${ids}, found${found:- none}"
}

# field NAME TEXT: the value of a key, a string or a number, in one line of JSON where the key stands once.
field() {
  printf '%s\n' "$2" | sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p'
}

require_number() {
  case $2 in
  '' | *[!0-9]* | 0?* | ????????????????*) fail "manifest.json: $1: expected a number, found '$2'" ;;
  esac
}

require_hash() {
  case $2 in
  *[!0-9a-f]*) ;;
  ????????????????????????????????????????????????????????????????) return 0 ;;
  esac
  fail "manifest.json: $1: expected 64 hex digits, found '$2'"
}

# Ends this run because nothing is where the manifest should be.
no_feed() { fail "$why; is this a release feed? to build from source instead: $(again --from-source)"; }

# Sets folder to that of the newest release, pre-releases among them. A feed has one newest; the forge lists them all.
find_newest() {
  if [ -z "$is_forge" ] || [ -z "$prerelease" ]; then return 0; fi
  fetch "https://api.github.com/repos/$RELEASE_REPO/releases?per_page=1" "$work/list" "$LISTING_MAX" || no_feed
  tag=$(sed -n 's/.*"tag_name": *"\([^"]*\)".*/\1/p' "$work/list" | sed -n 1p)
  case $tag in
  *[!A-Za-z0-9.+-]* | '') fail "$RELEASE_REPO: expected a list of releases, found '$tag' as the tag of the newest" ;;
  esac
  folder=https://github.com/$RELEASE_REPO/releases/download/$tag/
}

# Fetches and judges the manifest; sets folder, version, commit, serial.
find_release() {
  folder=$feed
  if [ -n "$wanted" ]; then
    # The newest release is at the top of a feed, and may have no folder of its own yet.
    if [ -n "$is_forge" ]; then folder=https://github.com/$RELEASE_REPO/releases/download/$wanted/; else folder=$feed$wanted/; fi
    if ! fetch "$folder"manifest.json "$work/manifest.json" "$MANIFEST_MAX"; then
      folder=$feed
      fetch "$folder"manifest.json "$work/manifest.json" "$MANIFEST_MAX" || no_feed
    fi
  else
    find_newest
    fetch "$folder"manifest.json "$work/manifest.json" "$MANIFEST_MAX" || no_feed
  fi
  check_signature
  head=$(sed -n 1p "$work/manifest.json")
  case $head in
  '{"type":"entmoot.release.v1",'*) ;;
  *) fail "${folder}manifest.json: expected a release manifest, found something else; is this a release feed?" ;;
  esac
  version=$(field version "$head")
  commit=$(field commit "$head")
  serial=$(field serial "$head")
  expires=$(field expires_at_ms "$head")
  case $version in
  v[0-9]*) ;;
  *) fail "manifest.json: expected a version such as v1.2.3, found '$version'" ;;
  esac
  case $version in
  *[!A-Za-z0-9.+-]*) fail "manifest.json: expected a version such as v1.2.3, found '$version'" ;;
  esac
  require_number serial "$serial"
  require_number expires_at_ms "$expires"
  if [ -n "$wanted" ]; then
    # Nobody can hold back unseen what is asked for by name, so it may be old.
    if [ "$version" != "$wanted" ]; then fail "release $wanted: not in this feed; found $version in its place"; fi
    return 0
  fi
  # In seconds; the last of them counts in full.
  case $expires in
  ????*) expires=${expires%???} ;;
  *) expires=0 ;;
  esac
  if ! below "$(date +%s)" "$expires"; then
    fail "release $version: the manifest has expired; the feed is out of date, or this clock; $(all_the_same)"
  fi
  require_newer
}

# Sets before to the serial of the newest release ever installed here, 0 when none is known. Ends this run when the
# release at hand is older than that or than what is installed, or is a pre-release nobody asked for. One that was asked
# for by name may be either.
require_newer() {
  before=$(head -c 32 "$bin_dir/.entmoot-serial" 2>/dev/null || :)
  case $before in
  '' | *[!0-9]* | 0?* | ????????????????*) before=0 ;;
  esac
  if [ -n "$wanted" ]; then return 0; fi
  if below "$serial" "$before"; then
    fail "release $version: its serial $serial is older than $before, that of the newest release ever installed here; $(all_the_same)"
  fi
  find_installed
  if precedes "$version" "$installed"; then
    fail "release $version: is older than the installed $installed; $(all_the_same)"
  fi
  case ${version%%+*}/${installed%%+*} in
  *-*/*-*) ;;
  *-*/*)
    if [ -z "$prerelease" ]; then
      fail "release $version: is a pre-release; to install it: $(again --prerelease)"
    fi
    ;;
  esac
}

all_the_same() { say "to install it all the same, name it: $(again "--version $version")"; }

# Ends this run when an update went back from this very binary, because its daemon did not come up here.
require_not_taken_back() {
  if [ -z "$wanted" ] && head -c 65536 "$bin_dir/.entmoot-taken-back" 2>/dev/null | grep -qF -e "\"$binary_hash\""; then
    fail "release $version: an update went back from it, because its daemon did not come up here (entmootd update -check says why); $(all_the_same)"
  fi
}

# Sets installed to the version that is installed, as the program tells it; else as was written down; else nothing.
find_installed() {
  installed=
  [ -f "$bin_dir/entmootd" ] || return 0
  if [ -x "$bin_dir/entmootd" ]; then installed=$(field version "$(told_version "$bin_dir/entmootd" 2>/dev/null | head -c 4096)"); fi
  if [ -z "$installed" ]; then installed=$(head -c 65 "$bin_dir/.entmoot-version" 2>/dev/null || :); fi
}

# precedes A B: whether version A comes before B (semver.org, section 11). What is no version comes before nothing.
precedes() {
  a_parts=$(parts_of "$1")
  b_parts=$(parts_of "$2")
  if [ -z "$a_parts" ] || [ -z "$b_parts" ]; then return 1; fi
  while [ -n "$a_parts$b_parts" ]; do
    a=${a_parts%%.*}
    b=${b_parts%%.*}
    if [ "$a" != "$b" ]; then
      part_precedes "$a" "$b"
      return
    fi
    a_parts=${a_parts#"$a"}
    a_parts=${a_parts#.}
    b_parts=${b_parts#"$b"}
    b_parts=${b_parts#.}
  done
  return 1
}

# parts_of VERSION: its numbers and those of its pre-release, dots between; nothing when it is none that `entmootd update`
# takes. A release proper has ~ there, which comes after all that can stand in a pre-release.
parts_of() {
  if [ ${#1} -gt 64 ]; then return 0; fi
  # With a dot at each end, an empty part and a number that begins with 0 are easily told.
  printf '%s\n' "$1" | sed -n -e 's/+[0-9A-Za-z.-]\{1,\}$//' -e 's/^v\([0-9]*\.[0-9]*\.[0-9]*\)$/.\1.~./' \
    -e 's/^v\([0-9]*\.[0-9]*\.[0-9]*\)-\([0-9A-Za-z.-]*\)$/.\1.\2./' -e '/\.\./d' -e '/\.0[0-9]\{1,\}\./d' -e 's/^\.\(.*\)\.$/\1/p'
}

# part_precedes A B: nothing, then numbers, then words in the order of their bytes.
part_precedes() {
  if [ -z "$1" ] || [ -z "$2" ]; then [ -z "$1" ]; return; fi
  case $1:$2 in
  *[!0-9]*:*[!0-9]*) ;;
  *[!0-9]*:*) return 1 ;;
  *:*[!0-9]*) return 0 ;;
  *)
    below "$1" "$2"
    return
    ;;
  esac
  expr "x$1" \< "x$2" >/dev/null
}

# Sets archive, archive_size, archive_hash, binary_size, binary_hash; returns 1 when the release has none for here.
find_file() {
  line=$(grep '^{.*"os":"'"$os"'"' "$work/manifest.json" | grep '"arch":"'"$arch"'"' | grep '"libc":"'"$libc"'"' | sed -n 1p)
  [ -n "$line" ] || return 1
  outer=$(printf '%s\n' "$line" | sed 's/"binary":{[^}]*}//')
  inner=$(printf '%s\n' "$line" | sed -n 's/.*"binary":{\([^}]*\)}.*/\1/p')
  archive=$(field name "$outer")
  archive_size=$(field size "$outer")
  archive_hash=$(field sha256 "$outer")
  binary_size=$(field size "$inner")
  binary_hash=$(field sha256 "$inner")
  case $archive in
  .* | *[!a-z0-9._-]*) fail "manifest.json: expected the plain name of an archive, found '$archive'" ;;
  ?*.tar.gz) ;;
  *) fail "manifest.json: expected a .tar.gz, found '$archive'" ;;
  esac
  require_number size "$archive_size"
  require_number 'binary size' "$binary_size"
  require_hash sha256 "$archive_hash"
  require_hash 'binary sha256' "$binary_hash"
  if below "$ARCHIVE_MAX" "$archive_size"; then fail "$archive: expected at most $ARCHIVE_MAX bytes, found $archive_size announced"; fi
  if below "$BINARY_MAX" "$binary_size"; then fail "$archive: expected a binary of at most $BINARY_MAX bytes, found $binary_size announced"; fi
}

# require_file LABEL FILE SIZE HASH
require_file() {
  got=$(size_of "$2")
  if [ "$got" != "$3" ]; then fail "$1: expected $3 bytes, found $got"; fi
  got=$(sha256_of "$2")
  if [ "$got" != "$4" ]; then fail "$1: checksum mismatch: expected $4, found $got"; fi
}

# Fetches, checks and unpacks; the binary is then at $work/entmootd.
fetch_binary() {
  if [ -f "$bin_dir/entmootd" ] && [ "$(size_of "$bin_dir/entmootd")" = "$binary_size" ] &&
    [ "$(sha256_of "$bin_dir/entmootd")" = "$binary_hash" ]; then
    say "entmootd $version is there already"
    cp "$bin_dir/entmootd" "$work/entmootd" || fail "$work: cannot be written; is the disk full?"
    return 0
  fi
  packed=$work/$archive
  free=$(free_kb "$bin_dir")
  if [ -n "$free" ] && below "$free" "$(((archive_size + binary_size) / 1024 + 1024))"; then
    if below "$free" "$((binary_size / 1024 + 1024))"; then
      fail "$bin_dir: no room left on the disk: $((binary_size / 1048576 + 1)) MiB are needed, $((free / 1024)) MiB are free"
    fi
    # There is room for the binary alone; the archive goes elsewhere.
    spare=$(mktemp "${TMPDIR:-/tmp}/entmoot-install.XXXXXX") || fail "$bin_dir: no room left on the disk; set TMPDIR to a folder with room"
    packed=$spare
  fi
  say "fetching $folder$archive"
  fetch "$folder$archive" "$packed" "$archive_size" || fail "$why"
  require_file "$archive" "$packed" "$archive_size" "$archive_hash"
  # To stdout: no other file of the archive, and no link in it, ever touches the disk.
  gzip -dc "$packed" 2>/dev/null | tar -xOf - entmootd 2>/dev/null | head -c "$((binary_size + 1))" >"$work/entmootd" ||
    fail "$work: cannot be written; is the disk full?"
  require_file "$archive: entmootd" "$work/entmootd" "$binary_size" "$binary_hash"
}

# ---- without a release ----

# Sets checkout to the checkout this script stands in, when it does.
find_checkout() {
  checkout=
  case $0 in
  */install.sh | install.sh) ;;
  *) return 0 ;;
  esac
  [ -f "$0" ] || return 0
  dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
  if [ -f "$dir/scripts/build.ts" ] && grep -q '"name": "entmootd"' "$dir/package.json" 2>/dev/null; then checkout=$dir; fi
}

explain_source() {
  warn "$1"
  warn 'to build it here: install git and Node 20 or later with npm, then'
  fail "  git clone ${ENTMOOT_SOURCE_URL:-https://github.com/$RELEASE_REPO.git} entmoot && sh entmoot/install.sh --from-source"
}

# Builds with npm; the binary is then at $work/entmootd.
build_binary() {
  find_checkout
  has npm || explain_source 'npm is not installed'
  has node || explain_source 'Node is not installed'
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || say 0)
  if [ "$major" -lt 20 ]; then explain_source "Node 20 or later is needed, found $(node --version 2>/dev/null || say none)"; fi
  if [ -z "$checkout" ]; then
    has git || explain_source 'git is not installed'
    clone_source
  fi
  if [ "$uid" = 0 ] && [ "$checkout" != "$work/source" ] && ! roots_alone "$checkout/package.json"; then
    fail "$checkout: another user's, and what it says would run as root; run this script as that user"
  fi
  say "building in $checkout"
  (cd "$checkout" && npm run build) || fail "$checkout: the build failed; what npm says of it stands above"
  [ -f "$checkout/dist/entmootd" ] || fail "$checkout/dist/entmootd: expected it after the build, found nothing"
  cp "$checkout/dist/entmootd" "$work/entmootd"
}

# The commit a signed manifest names is the commit that is built; without a manifest, the newest.
clone_source() {
  from=${ENTMOOT_SOURCE_URL:-https://github.com/$RELEASE_REPO.git}
  checkout=$work/source
  what=${commit:-HEAD}
  case $what in
  unknown | *-dirty) fail "release $version: was not built from a published commit; to build the newest source: $(again --from-source)" ;;
  HEAD) if [ -n "$wanted" ]; then what=refs/tags/$wanted; fi ;;
  *[!0-9a-f]*) fail "manifest.json: expected a commit, found '$what'" ;;
  esac
  say "fetching the source of $what from $from"
  # git would ask for a password where there is no repository.
  if ! { git init -q "$checkout" && GIT_TERMINAL_PROMPT=0 git -C "$checkout" fetch -q --depth 1 "$from" "$what" &&
    git -C "$checkout" checkout -q FETCH_HEAD; }; then
    fail "$from: $what cannot be fetched; is it a git repository that has it? ENTMOOT_SOURCE_URL names another"
  fi
  if [ -n "${commit:-}" ] && [ "$(git -C "$checkout" rev-parse HEAD)" != "$commit" ]; then
    fail "$from: expected commit $commit, found another"
  fi
}

take_local() {
  if [ ! -f "$ENTMOOTD_LOCAL_BIN" ]; then fail "ENTMOOTD_LOCAL_BIN: expected a file, found '$ENTMOOTD_LOCAL_BIN'"; fi
  cp "$ENTMOOTD_LOCAL_BIN" "$work/entmootd" || fail "$work: cannot be written; is the disk full?"
}

# ---- what is written ----

# told_version PROGRAM: what it says when asked for its version.
told_version() {
  (
    if timeout 5 true 2>/dev/null; then limit='timeout 60'; fi
    run "$1" version
  ) </dev/null
}

# Runs the new binary before it takes the place of the old one; sets said.
try_binary() {
  chmod 755 "$work/entmootd"
  result=0
  said=$(told_version "$work/entmootd" 2>"$work/why") || result=$?
  if [ "$result" = 126 ] && [ ! -x "$work/entmootd" ]; then
    fail "$bin_dir: programs may not run there; is it mounted noexec? set ENTMOOT_HOME to another folder; nothing was changed"
  fi
  if [ "$result" != 0 ]; then
    advice=
    find_platform || :
    if [ "$libc" = musl ]; then advice='; on Alpine it needs: apk add libstdc++ libgcc'; fi
    fail "the new entmootd does not run on this machine ($(head -n 3 "$work/why" | tr '\n' ' '))$advice; nothing was changed"
  fi
  said=$(field version "$said")
  if [ -n "${version:-}" ] && [ "$said" != "$version" ]; then
    fail "the new entmootd: expected version $version, found '$said'; nothing was changed"
  fi
}

# The variables of runtime.env.
VARIABLES='ENTMOOT_BIN ENTMOOT_DATA ENTMOOT_IDENTITY ENTMOOT_CONTROL_SOCKET PILOT_DIR PILOT_BIN_DIR PILOT_SOCKET
  ENTMOOT_HIDE_IP PILOT_PUBLIC ENTMOOT_START_TIMEOUT ENTMOOT_RUN_USER PILOT_DAEMON_BIN PILOTCTL_BIN PILOT_REGISTRY
  PILOT_BEACON PILOT_HOSTNAME PILOT_EMAIL PILOT_TURN_PROVIDER PILOT_CLOUDFLARE_TURN_CREDS_FILE PILOT_RENDEZVOUS_URL'

# line_of NAME FILE END: what FILE has as its line for NAME, in a form that ends so; nothing when it has none.
line_of() { sed -n '/^if \[ -z "\${'"$1"'+x}" \]; then '"$1=.*$3"'/p' "$2" | sed -n 1p; }

# default NAME VALUE [FORCED]: one line of runtime.env. Order: the environment of this run, what the file has, VALUE.
# When FORCED is not empty, what the file has does not count.
default() {
  eval "given=\${$1-}"
  if [ -z "$given" ]; then
    kept=$(line_of "$1" "$work/block" '')
    if [ -n "$kept" ] && [ -z "${3:-}" ]; then
      printf '%s; export %s\n' "${kept%"; export $1"}" "$1"
      return 0
    fi
    given=$2
  fi
  [ -n "$given" ] || return 0
  require_line "$1" "$given"
  # shellcheck disable=SC2016 # What is quoted is shell for later.
  printf 'if [ -z "${%s+x}" ]; then %s=%s; fi; export %s\n' "$1" "$1" "$(quoted "$given")" "$1"
}

# The block of runtime.env. What follows from where things are installed does not come from this run's environment.
runtime_block() {
  pilot_moved=${PILOT_HOME:+yes}
  say "$BLOCK_BEGIN"
  for name in $VARIABLES; do
    case $name in
    ENTMOOT_BIN) (unset "$name" && default "$name" "$bin_dir/entmootd" yes) ;;
    ENTMOOT_DATA) (unset "$name" && default "$name" "$install_dir") ;;
    ENTMOOT_IDENTITY) (unset "$name" && default "$name" '') | followed_identity ;;
    ENTMOOT_CONTROL_SOCKET) (unset "$name" && default "$name" "$install_dir/control.sock") ;;
    PILOT_DIR) (unset "$name" && default "$name" "$pilot_dir" "$pilot_moved") ;;
    PILOT_SOCKET) (unset "$name" && default "$name" "$pilot_socket" "$pilot_moved") ;;
    PILOT_BIN_DIR) default "$name" "$pilot_bin_dir" "$pilot_moved" ;;
    ENTMOOT_HIDE_IP | PILOT_PUBLIC) default "$name" 0 ;;
    ENTMOOT_START_TIMEOUT) default "$name" 90 ;;
    *) default "$name" '' ;;
    esac
  done
  say "$BLOCK_END"
}

# Passes on a line for ENTMOOT_IDENTITY that somebody wrote. The one of earlier installations is left out, because an
# identity follows its data root; but not where that is elsewhere: there is another identity, or none.
followed_identity() {
  find_data
  if [ "$data" != "$install_dir" ]; then
    cat
  else
    grep -vF -e "; then ENTMOOT_IDENTITY=$(quoted "$install_dir/identity.json"); fi" || :
  fi
}

# Writes $work/runtime.env: the file there is, with our block in its place.
make_runtime_env() {
  old=$install_dir/runtime.env
  : >"$work/block"
  : >"$work/after"
  if [ ! -f "$old" ]; then
    say '# Defaults of the entmoot wrapper. A variable that is set before wins over the one here.' >"$work/before"
  elif grep -qxF -e "$BLOCK_BEGIN" -e "$BLOCK_END" "$old"; then
    if [ "$(grep -xF -e "$BLOCK_BEGIN" -e "$BLOCK_END" "$old")" != "$BLOCK_BEGIN
$BLOCK_END" ]; then
      warn "$old: the lines around the block of install.sh are damaged; the file is left as it is"
      cp -p "$old" "$work/runtime.env"
      return 0
    fi
    sed '/^# >>> written by install\.sh/,$d' "$old" >"$work/before"
    sed -n '/^# >>> written by install\.sh/,/^# <<< written by install\.sh/p' "$old" >"$work/block"
    sed '1,/^# <<< written by install\.sh/d' "$old" >"$work/after"
  else
    # What the original's installer wrote moves into the block, so that a later installation can change it.
    for name in $VARIABLES; do line_of "$name" "$old" '; fi$'; done >"$work/block"
    if [ -s "$work/block" ]; then
      grep -vxF -f "$work/block" "$old" >"$work/before" || [ $? = 1 ]
    else
      cp "$old" "$work/before"
    fi
  fi
  runtime_block >"$work/fresh"
  # A copy first: whom its owner keeps out stays out.
  if [ -f "$old" ]; then cp -p "$old" "$work/runtime.env"; fi
  cat "$work/before" "$work/fresh" "$work/after" >"$work/runtime.env"
}

make_wrapper() {
  {
    say '#!/bin/sh'
    say '# Written by install.sh: entmootd with the defaults of runtime.env. Flags and variables given win over them.'
    say "env_file=\${ENTMOOT_RUNTIME_ENV:-$(quoted "$install_dir/runtime.env")}"
    # shellcheck disable=SC2016 # What is quoted is shell for later.
    say 'if [ -r "$env_file" ]; then . "$env_file"; fi'
    say "bin=\${ENTMOOT_BIN:-$(quoted "$bin_dir/entmootd")}"
    say "data=\${ENTMOOT_DATA:-$(quoted "$install_dir")}"
    cat <<'WRAPPER'
if [ ! -x "$bin" ]; then
  printf 'entmoot: %s is not there; run install.sh again\n' "$bin" >&2
  exit 127
fi
# Not the identity: that follows the data root, also one that a flag names.
if [ -n "${ENTMOOT_IDENTITY:-}" ]; then export ENTMOOT_IDENTITY; fi
set -- -socket "${PILOT_SOCKET:-/tmp/pilot.sock}" -data "$data" "$@"
case ${ENTMOOT_HIDE_IP:-} in
1 | true | yes | on) set -- -hide-ip "$@" ;;
esac
exec "$bin" "$@"
WRAPPER
  } >"$work/wrapper"
  chmod 755 "$work/wrapper"
}

# Whether FILE is a wrapper, of this script or of the original's, or the program itself.
is_ours() { grep -q 'ENTMOOT_' "$1" 2>/dev/null; }

# Ends this run when something that is not ours stands where something is to be put.
require_free_places() {
  for each in "$bin_dir/entmootd" "$bin_dir/entmoot" "$install_dir/entmoot" "$install_dir/runtime.env"; do
    if [ -d "$each" ]; then fail "$each: expected a file, found a folder; move it away"; fi
  done
  for each in "$bin_dir/entmoot" "$install_dir/entmoot"; do
    if [ -e "$each" ] && ! is_ours "$each"; then fail "$each: is there already and has nothing to do with entmootd; move it away"; fi
  done
}

# Everything else first, the binary last: as long as that is not there, nothing is installed.
put_in_place() {
  make_runtime_env
  make_wrapper
  wrapper=../entmoot
  if [ -L "$bin_dir" ]; then wrapper=$install_dir/entmoot; fi
  ln -s "$wrapper" "$work/entmoot"
  say "${version:-$said}" >"$work/version"
  # `entmootd update` goes on with the feed this came from.
  if [ -n "${feed:-}" ] && [ -z "$is_forge" ]; then say "$feed" >"$work/feed"; fi
  if [ -n "$serial" ]; then
    # Again: an update may have been faster.
    require_newer
    if below "$before" "$serial"; then say "$serial" >"$work/serial"; fi
  fi
  sync "$work/entmootd" 2>/dev/null || sync 2>/dev/null || :
  give_to_owner

  # From here on there is nothing to wait for; a signal would only find it half done.
  trap '' HUP INT TERM
  mv -f "$work/runtime.env" "$install_dir/runtime.env"
  mv -f "$work/wrapper" "$install_dir/entmoot"
  mv -f "$work/entmoot" "$bin_dir/entmoot"
  if [ -z "$no_path" ]; then add_path; fi
  if [ -f "$bin_dir/entmootd" ] && [ "$(sha256_of "$bin_dir/entmootd")" != "$(sha256_of "$work/entmootd")" ]; then
    # `entmootd update --rollback` goes back to it.
    rm -f "$work/previous"
    ln "$bin_dir/entmootd" "$work/previous" 2>/dev/null || cp -p "$bin_dir/entmootd" "$work/previous"
    mv -f "$work/previous" "$bin_dir/entmootd.previous"
  fi
  if [ -f "$work/serial" ]; then mv -f "$work/serial" "$bin_dir/.entmoot-serial"; fi
  if [ -f "$work/feed" ]; then mv -f "$work/feed" "$bin_dir/.entmoot-feed"; elif [ -n "${feed:-}" ]; then rm -f "$bin_dir/.entmoot-feed"; fi
  mv -f "$work/version" "$bin_dir/.entmoot-version"
  mv -f "$work/entmootd" "$bin_dir/entmootd"
  # man looks for pages in the folders of PATH too. Without them, or from a program that has none, everything else works.
  (run "$bin_dir/entmootd" man -dir "$bin_dir/man/man1") >/dev/null 2>&1 </dev/null || :
}

# Sets owner, when root installs for somebody else: for ENTMOOT_RUN_USER, or in a folder of another user's, as `sudo`
# with the caller's HOME does. What is written has to be that user's then.
find_owner() {
  owner=
  if [ "$uid" != 0 ]; then return 0; fi
  owner=${ENTMOOT_RUN_USER:-}
  if [ -n "$owner" ]; then return 0; fi
  near=$install_dir
  while [ ! -d "$near" ]; do near=$(dirname "$near"); done
  owner=$(owner_of "$near")
}

# owner_of FILE: its user and group, as numbers; nothing when that is root.
owner_of() {
  # shellcheck disable=SC2012 # Of a line of ls only the numbers before the name are read.
  ls -ldn "$1/." | sed -n '1s/^[^ ]*  *[0-9][0-9]*  *\([1-9][0-9]*\)  *\([0-9][0-9]*\) .*/\1:\2/p'
}

# owner_of_file FILE: the number of its user.
owner_of_file() {
  # shellcheck disable=SC2012 # As above.
  ls -ldn "$1" | sed -n '1s/^[^ ]*  *[0-9][0-9]*  *\([0-9][0-9]*\) .*/\1/p'
}

give_to_owner() {
  [ -n "$owner" ] || return 0
  for each in "$install_dir" "$bin_dir" "$bin_dir/.entmootd.lock" "$work"/*; do
    [ -e "$each" ] || [ -L "$each" ] || continue
    # Never what a link leads to: where others can write, it may lead anywhere.
    chown -h "$owner" "$each" || {
      warn "the files cannot be given to '$owner'"
      return 0
    }
  done
}

# ---- PATH ----

# Sets shell_name to what the shell of this user's next session is called: by SHELL, which cron, containers and services
# leave out, else by the list of users; bash or nothing when none tells.
find_shell() {
  shell_name=${SHELL:-}
  if [ -z "$shell_name" ]; then
    user=$(id -un 2>/dev/null || :)
    if has getent; then
      shell_name=$(getent passwd "$user" 2>/dev/null || :)
    elif has dscl; then
      shell_name=$(dscl . -read "/Users/$user" UserShell 2>/dev/null || :)
    else
      shell_name=$(sed -n "/^$user:/p" /etc/passwd 2>/dev/null || :)
    fi
  fi
  # A name of the list of users ends after the last colon, an absolute path after the last slash.
  shell_name=${shell_name##*[:/]}
  case $shell_name in
  '' | nologin | false) if has bash; then shell_name=bash; else shell_name=; fi ;;
  esac
}

# The start-up files that get the line: that of the user's shell, and those of login shells, of which each shell reads
# another. Where there is none of these, .profile, which most read, is made.
shell_files() {
  home=${HOME%/}
  case $shell_name in
  zsh) say "${ZDOTDIR:-$home}/.zshrc" ;;
  # On macOS a terminal starts login shells, and those pass .bashrc over.
  bash) [ "$(uname -s)" = Darwin ] || say "$home/.bashrc" ;;
  fish) say "${XDG_CONFIG_HOME:-$home/.config}/fish/conf.d/entmoot.fish" ;;
  # Made anew it would take the place of what the system has for everybody.
  ksh | ksh93) [ ! -e "$home/.kshrc" ] || say "$home/.kshrc" ;;
  mksh | lksh) [ ! -e "$home/.mkshrc" ] || say "$home/.mkshrc" ;;
  yash) for each in "$home/.yashrc" "$home/.yash_profile"; do [ ! -e "$each" ] || say "$each"; done ;;
  esac
  login=
  for each in "$home/.bash_profile" "$home/.bash_login" "$home/.profile"; do
    if [ -e "$each" ]; then
      say "$each"
      login=yes
    fi
  done
  case $shell_name in
  # These read no other.
  sh | dash | ash | busybox | posh | ksh | ksh93 | mksh | lksh) if [ ! -e "$home/.profile" ]; then login=; fi ;;
  esac
  if [ -z "$login" ]; then say "$home/.profile"; fi
}

# Says what is left to do where the next shell does not find the program by the files that got the line.
explain_path() {
  case $shell_name in
  bash | zsh | fish) ;;
  sh | dash | ash | busybox | posh | ksh | ksh93 | mksh | lksh | '')
    say "a shell that is no login shell finds it after: . \"\$HOME/.profile\""
    ;;
  yash)
    if [ ! -e "$HOME/.yashrc" ]; then
      warn "yash reads none of these files; put this line into .yashrc:"
      warn "  $(path_line .yashrc)"
    fi
    ;;
  csh | tcsh)
    warn "$shell_name reads none of these files; put this line into .${shell_name}rc:"
    warn "  set path = ( $(quoted "$bin_dir") \$path:q )"
    ;;
  nu)
    warn "nu reads none of these files; put this line into config.nu:"
    warn "  \$env.PATH = (\$env.PATH | prepend $(quoted "$bin_dir"))"
    ;;
  *) warn "$shell_name may read none of these files; add $(quoted "$bin_dir") to its PATH" ;;
  esac
}

path_line() {
  case $1 in
  *.fish)
    word="'$(printf '%s' "$bin_dir" | sed "s/[\\\\']/\\\\&/g")'"
    # shellcheck disable=SC2016 # What is quoted is shell for later.
    printf 'contains -- %s $PATH; or set -gx PATH %s $PATH %s\n' "$word" "$word" "$PATH_MARK"
    ;;
  *)
    # One start-up file may read another that has the line too.
    # shellcheck disable=SC2016 # What is quoted is shell for later.
    printf 'case ":$PATH:" in *:%s:*) ;; *) export PATH=%s:"$PATH" ;; esac %s\n' "$(quoted "$bin_dir")" "$(quoted "$bin_dir")" "$PATH_MARK"
    ;;
  esac
}

add_path() {
  case :${PATH:-}: in
  *:"$bin_dir":*) return 0 ;;
  esac
  if [ -z "${HOME:-}" ]; then
    warn "HOME is not set, so no start-up file is known; add $(quoted "$bin_dir") to PATH where you keep that"
    return 0
  fi
  case $bin_dir in
  *:*)
    warn "$bin_dir: cannot be on PATH, because of the colon in its name"
    return 0
    ;;
  esac
  find_shell
  shell_files >"$work/files"
  explained=
  while IFS= read -r rc <&7; do add_path_to "$rc"; done 7<"$work/files"
  if [ -z "$explained" ]; then explain_path; fi
}

# add_path_to FILE
add_path_to() {
  rc=$1
  line=$(path_line "$rc")
  if [ -f "$rc" ] && { grep -qF -e "$bin_dir" "$rc" || grep -qxF -e "$line" -e "$line$CUT_MARK" "$rc"; }; then return 0; fi
  fresh=$line
  if [ ! -e "$rc" ]; then
    fresh="$MADE_MARK
$line"
  elif [ -s "$rc" ] && [ -n "$(tail -c 1 "$rc" | tr -d '\n')" ]; then
    fresh="
$line$CUT_MARK"
  fi
  given=
  foreign=
  if [ "$uid" = 0 ]; then
    given=$(owner_of "$HOME")
    # Through no link of another user, and into no file that is not theirs.
    if [ -n "$given" ] && { [ -L "$rc" ] || { [ -e "$rc" ] && [ "$(owner_of_file "$rc")" != "${given%:*}" ]; }; }; then foreign=yes; fi
  fi
  # A line cut short by a full disk would break every shell from then on.
  # shellcheck disable=SC2016 # What is quoted is the other shell's.
  if [ -z "$foreign" ] && (at_home mkdir -p "$(dirname "$rc")") 2>/dev/null && free=$(free_kb "$(dirname "$rc")") && ! below "${free:-64}" 64 &&
    (at_home sh -c 'printf "%s\n" "$2" >>"$1"' sh "$rc" "$fresh") 2>/dev/null; then
    say "added $bin_dir to PATH in $rc; it counts from the next shell on"
  elif [ "$explained" = "$line" ]; then
    warn "$rc: cannot be written either"
  else
    explained=$line
    warn "$rc: cannot be written; add this line to the start-up file of your shell:"
    warn "  $line"
  fi
}

# at_home PROGRAM ARGS: becomes PROGRAM, for root as the user $given whose home folder it is, who could put anything in
# place of what is written there.
at_home() {
  if [ -z "$given" ]; then exec "$@"; fi
  become "$given" "$@"
  exit 126
}

remove_path() {
  if [ -z "${HOME:-}" ]; then return 0; fi
  home=${HOME%/}
  given=
  if [ "$uid" = 0 ]; then given=$(owner_of "$HOME"); fi
  for rc in "${ZDOTDIR:-$home}/.zshrc" "$home/.bashrc" "$home/.bash_profile" "$home/.bash_login" "$home/.profile" \
    "$home/.kshrc" "$home/.mkshrc" "$home/.yashrc" "$home/.yash_profile" \
    "${XDG_CONFIG_HOME:-$home/.config}/fish/conf.d/entmoot.fish"; do
    line=$(path_line "$rc")
    if [ ! -f "$rc" ] || ! grep -qxF -e "$line" -e "$line$CUT_MARK" "$rc"; then continue; fi
    (at_home sh -c "$TAKE_OUT" sh "$rc" "$line" "$line$CUT_MARK" "$MADE_MARK") 2>/dev/null ||
      warn "$rc: cannot be written; remove the line that adds $bin_dir to PATH"
  done
}

# For a shell of its own: makes FILE what it was before LINE, to the byte. FILE LINE CUT_LINE MADE_MARK
# shellcheck disable=SC2016 # Of the other shell.
TAKE_OUT='rc=$1
# The file itself takes the place of the old one, never a link to it.
while [ -L "$rc" ]; do
  to=$(readlink "$rc")
  case $to in
  /*) rc=$to ;;
  *) rc=$(dirname "$rc")/$to ;;
  esac
done
if [ "$(sed -n 1p "$rc")" = "$4" ] && ! grep -qvxF -e "$2" -e "$4" "$rc"; then
  rm -f "$rc"
  exit
fi
if [ ! -w "$rc" ]; then exit 1; fi
without() {
  if [ "$(tail -n 1 "$rc")" = "$3" ]; then
    printf %s "$(grep -vxF -e "$3" "$rc")"
  else
    grep -vxF -e "$2" -e "$3" -e "$4" "$rc" || [ $? = 1 ]
  fi
}
# Of one name, so that the next run takes away what a killed one left.
fresh=$rc.without-entmoot
rm -f "$fresh"
# A copy first: it has the mode of the file.
if cp -p "$rc" "$fresh" && without "$@" >"$fresh"; then
  mv -f "$fresh" "$rc"
else
  rm -f "$fresh"
  exit 1
fi'

# ---- the two commands ----

install_it() {
  version=
  commit=
  serial=
  how=release
  if [ -n "${ENTMOOTD_LOCAL_BIN:-}" ]; then
    how=local
    if [ -n "$wanted" ]; then fail 'ENTMOOTD_LOCAL_BIN: installs that very file; leave --version out'; fi
  elif [ -n "$from_source" ]; then
    how=source
  fi
  require_free_places
  if [ -n "$dry_run" ]; then make_scratch; else make_work; fi
  if [ "$how" = release ]; then
    find_feed
    find_fetcher
    here=yes
    find_platform || here=
    case $os in
    MINGW* | MSYS* | CYGWIN*) fail "on Windows, unpack entmoot-windows-amd64.zip of a release by hand; this script is for Linux and macOS" ;;
    esac
    find_release
    if [ -z "$here" ] || ! find_file; then
      warn "release $version: no binary for $platform; it has to be built from source"
      how=source
    fi
  fi
  if [ "$how" = release ]; then require_not_taken_back; fi
  if [ -n "$dry_run" ]; then
    plan
    return 0
  fi
  case $how in
  local) take_local ;;
  source) build_binary ;;
  *) fetch_binary ;;
  esac
  # What was built here is no release: it tells its own version, and has no serial.
  if [ "$how" = source ]; then
    version=
    serial=
  fi
  try_binary
  take_lock "$work/entmootd"
  put_in_place
  say "entmootd $said is installed in $bin_dir"
  call=$(command_name)
  if [ -S "$install_dir/control.sock" ]; then
    change="$call stop, then $call serve"
    # What no release key signed cannot be taken up in place.
    if [ "$how" = release ]; then change="$call update -restart${wanted:+ -version $wanted}"; fi
    say "a daemon that runs goes on with the program it was started with; to change over: $change"
  fi
  case ${shell_name:-} in
  bash | zsh) say "to complete commands with the tab key, add to .${shell_name}rc: eval \"\$(entmootd completion $shell_name)\"" ;;
  fish) say 'to complete commands with the tab key: entmootd completion fish > ~/.config/fish/completions/entmootd.fish' ;;
  esac
  say "start here: $call up"
}

# How the wrapper is called from this very shell: it knows the data root and the settings of this installation.
command_name() {
  found=$(command -v entmoot 2>/dev/null || :)
  # ksh93 quotes what it finds.
  if { [ "$found" = "$bin_dir/entmoot" ] || [ "$found" = "$(quoted "$bin_dir/entmoot")" ]; } && [ "$install_dir" = "${HOME:-}/.entmoot" ]; then
    say entmoot
  else
    say "$(word "$install_dir/entmoot")"
  fi
}

plan() {
  say "would install to $bin_dir (data root $install_dir); nothing is changed"
  case $how in
  local) say "  entmootd from $ENTMOOTD_LOCAL_BIN" ;;
  source) say '  entmootd built from source with npm' ;;
  *) say "  entmootd $version from $folder$archive ($archive_size bytes)" ;;
  esac
  say "  $install_dir/entmoot and $install_dir/runtime.env; Pilot socket $pilot_socket"
  if [ -z "$no_path" ] && [ -n "${HOME:-}" ]; then
    find_shell
    shell_files | while IFS= read -r each; do say "  PATH in $each, unless it is there"; done
  fi
}

uninstall_it() {
  if [ ! -d "$install_dir" ]; then
    if [ -z "$dry_run" ]; then remove_path; fi
    say "$install_dir: not there; nothing to remove"
    return 0
  fi
  what="the program in $bin_dir"
  if [ -n "$purge" ]; then
    require_purgeable
    what="EVERYTHING in $install_dir: identity, moots and messages"
  fi
  # Everything that stands in the way is found before the daemon is stopped.
  for each in "$install_dir" "$bin_dir"; do
    if [ -d "$each" ]; then require_writable "$each"; fi
  done
  find_data
  find_daemon
  require_unused 'nothing was removed'
  if [ -n "$dry_run" ]; then
    say "would stop the daemon and remove $what; nothing is changed"
    return 0
  fi
  if [ -n "$purge" ] && [ -z "$yes" ]; then confirm; fi
  if [ -x "$bin_dir/entmootd" ]; then
    work=$bin_dir/.install.$$
    rm -rf "$work"
    # Without room on the disk, removing is all the more welcome.
    if (umask 077 && mkdir "$work") 2>/dev/null; then take_lock "$bin_dir/entmootd"; else work=; fi
  fi
  stopped=
  stop_daemon
  trap '' HUP INT TERM
  sweep
  rm -f "$bin_dir/entmootd" || fail "$bin_dir: cannot be written; nothing was removed$stopped"
  remove_path
  remove_helpers
  for each in "$bin_dir/entmoot" "$install_dir/entmoot"; do
    # The alias leads nowhere when the wrapper is gone already.
    if is_ours "$each" || { [ -L "$each" ] && [ ! -e "$each" ]; }; then rm -f "$each"; fi
  done
  drop_runtime_env
  # The lock's file goes while the lock is held: whoever waits for it makes a new one, and nothing of theirs is removed.
  rm -rf "$bin_dir/entmootd.previous" "$bin_dir/entmootd.bak" "$bin_dir"/.entmoot-*
  remove_unpacked
  remove_pages
  rm -rf "$bin_dir"/.entmootd.*
  let_go
  if [ -n "$purge" ]; then
    # The folder itself, when a link leads to it.
    rm -rf "$real" "$install_dir" || fail "$install_dir: not all of it can be removed"
  fi
  rmdir "$bin_dir" 2>/dev/null || :
  rmdir "$install_dir" 2>/dev/null || :
  say "removed $what"
  if [ "$data" != "$install_dir" ]; then
    if [ -d "$data" ]; then say "kept $data with identity, moots and messages"; fi
  elif [ -d "$install_dir" ]; then
    say "kept $install_dir with identity, moots and messages; --purge removes them too"
  fi
}

# require_writable DIR: ends this run when nothing can be removed from there. For root a shell may think it can on a
# read-only file system, so it is tried; and a full disk is no obstacle.
require_writable() {
  if answer=$(mkdir "$1/.install.$$" 2>&1); then
    rmdir "$1/.install.$$"
    return 0
  fi
  case $answer in
  *'No space'* | *quota* | *'File exists'*) ;;
  *) fail "$1: cannot be written; nothing was removed" ;;
  esac
}

# What the program unpacked for itself into the data root; the next one does so again.
remove_unpacked() {
  for each in "$data"/lib/*; do
    case ${each##*/} in
    *[!0-9a-f]*) continue ;;
    ????????????????????????????????????????????????????????????????) ;;
    *) continue ;;
    esac
    if [ -L "$each" ]; then continue; fi
    rm -f "$each/iroh.node" "$each"/.iroh.node.* || continue
    rmdir "$each" || continue
  done 2>/dev/null
  rmdir "$data/lib" 2>/dev/null || :
}

# The pages of the manual, where no link leads elsewhere.
remove_pages() {
  if [ -L "$bin_dir/man" ] || [ -L "$bin_dir/man/man1" ]; then return 0; fi
  rm -f "$bin_dir"/man/man1/entmootd.1 "$bin_dir"/man/man1/entmootd-*.1
  rmdir "$bin_dir/man/man1" 2>/dev/null || :
  rmdir "$bin_dir/man" 2>/dev/null || :
}

# A folder is removed as a whole only when it is a data root, and nothing else can be in it.
require_purgeable() {
  real=$(CDPATH='' cd -P -- "$install_dir" && pwd -P)
  home=
  if [ -n "${HOME:-}" ] && [ -d "$HOME" ]; then home=$(CDPATH='' cd -P -- "$HOME" && pwd -P); fi
  case $home/ in
  "$real"/*) fail "$install_dir: holds the home folder; it is not removed" ;;
  esac
  case $real in
  /*/* | /.entmoot) ;;
  *) fail "$install_dir: is more than a data root; it is not removed" ;;
  esac
  for each in "$real/.git" "$bin_dir"/* "$bin_dir"/.[!.]* "$bin_dir"/man/* "$bin_dir"/man/man1/*; do
    case ${each#"$bin_dir"/} in
    man | man/man1 | man/man1/entmootd.1 | man/man1/entmootd-*.1) continue ;;
    entmootd | entmoot | entmootd.previous | entmootd.bak | .entmootd.* | .entmoot-* | .install.*) continue ;;
    esac
    if [ -e "$each" ] || [ -L "$each" ]; then fail "$install_dir: is more than a data root, it has $each; it is not removed"; fi
  done
  if [ ! -e "$real/identity.json" ] && [ ! -e "$bin_dir/entmootd" ] && [ ! -d "$real/groups" ] && [ ! -e "$real/runtime.env" ]; then
    fail "$install_dir: expected a data root, found neither identity.json nor an installation; it is not removed"
  fi
  strange=
  for each in "$real"/* "$real"/.[!.]*; do
    case ${each#"$real"/} in
    # Of this program.
    bin | lib | groups | entmoot | runtime.env | identity.json | identity.json.tmp* | control.sock | agent.sock) continue ;;
    last-update.json | last-update.json.tmp | node.pid | node.pid.tmp | node.lock | node.lock-* | node.sqlite | node.sqlite-*) continue ;;
    # Of the original's.
    esp.sqlite | esp.sqlite-* | mailbox.sqlite | mailbox.sqlite-* | esp-devices.json | policies | run) continue ;;
    agent-commands | restart.log | serve.log | agent-commands-watch.log) continue ;;
    esac
    if [ -e "$each" ] || [ -L "$each" ]; then strange="$strange '${each#"$real"/}'"; fi
  done
  if [ -n "$strange" ]; then fail "$install_dir: holds more than a data root:$strange; move that away first; nothing was removed"; fi
}

confirm() {
  # In a shell of its own: a redirection that fails ends a whole shell at some commands.
  if ! (: >/dev/tty </dev/tty) 2>/dev/null; then
    fail 'there is no terminal to ask on; to remove identity, moots and messages for good, add --yes'
  fi
  printf 'This removes %s.\nThe identity cannot be made again. Type "yes" to go on: ' "$what" >/dev/tty
  read -r answer </dev/tty || answer=
  if [ "$answer" != yes ]; then fail 'not confirmed; nothing was removed'; fi
}

# Sets data to the data root that the wrapper uses.
find_data() {
  data=$install_dir
  [ -f "$install_dir/runtime.env" ] || return 0
  if [ "$uid" = 0 ] && ! roots_alone "$install_dir/runtime.env"; then
    # Another user's shell is not run as root: only the line that this script writes is read, as text.
    data=$(line_of ENTMOOT_DATA "$install_dir/runtime.env" '' | sed -n "s/^[^']*; then ENTMOOT_DATA='\\([^']*\\)'; fi.*/\\1/p")
    if [ -z "$data" ]; then data=$install_dir; fi
    return 0
  fi
  # shellcheck source=/dev/null
  data=$(unset ENTMOOT_DATA && . "$install_dir/runtime.env" >/dev/null 2>&1 && printf '%s' "${ENTMOOT_DATA:-$install_dir}") || data=
  if [ -z "$data" ]; then data=$install_dir; fi
}

# Sets daemon to the process id of the daemon of that data root, nothing when none tells one.
find_daemon() {
  daemon=
  if [ -x "$bin_dir/entmootd" ]; then
    daemon=$(field pid "$( (run "$bin_dir/entmootd" -data "$data" info) 2>/dev/null </dev/null | grep '"running":true')")
  fi
}

# require_unused WHAT: ends this run, saying WHAT of it, when a process other than the daemon runs the program.
require_unused() {
  users=
  real_bin=$(CDPATH='' cd -P -- "$bin_dir" 2>/dev/null && pwd -P) || return 0
  for each in /proc/[0-9]*; do
    case ${each#/proc/} in
    "$holder" | "$daemon") continue ;;
    esac
    target=$(readlink "$each/exe" 2>/dev/null) || continue
    case $target in
    "$real_bin/entmootd" | "$real_bin/entmootd (deleted)" | "$real_bin/entmootd.previous") users="$users ${each#/proc/}" ;;
    esac
  done
  if [ -n "$users" ]; then fail "entmootd still runs as process$users; end it first; $1"; fi
}

# Ends this run when a daemon is there and does not end. Sets stopped to what is to be said when the rest fails.
stop_daemon() {
  if [ -x "$bin_dir/entmootd" ]; then
    result=0
    answer=$( (run "$bin_dir/entmootd" -data "$data" stop) 2>&1 </dev/null) || result=$?
    case $result in
    0)
      say 'stopped the daemon'
      stopped="; the daemon was stopped, start it again: $(word "$install_dir/entmoot") serve"
      ;;
    # No daemon answers; or the program is the original, which knows no such command; or it cannot run at all.
    6 | 2 | 5 | 126 | 127) ;;
    *) fail "the daemon does not stop ($answer); nothing was removed" ;;
    esac
  fi
  daemon=
  require_unused "nothing was removed$stopped"
}

# Helpers beside Pilot that belong to this installation, which an earlier Entmoot wrote.
remove_helpers() {
  for each in "$pilot_dir/pilot" "$pilot_dir/start-entmoot-stack.sh"; do
    if [ -f "$each" ] &&
      { grep -qxF -e "# entmoot-runtime-helper: $install_dir" "$each" || grep -qF -e "$install_dir/runtime.env" "$each"; }; then rm -f "$each"; fi
  done
}

# runtime.env goes unless somebody wrote in it, or would not find what is kept without it.
drop_runtime_env() {
  old=$install_dir/runtime.env
  [ -f "$old" ] || return 0
  own=$(sed -e '/^# >>> written by install\.sh/,/^# <<< written by install\.sh/d' -e '/^# Defaults of the entmoot wrapper\./d' -e '/^[[:space:]]*$/d' "$old")
  if [ -n "$own" ]; then
    say "kept $old: it has lines of yours"
  elif [ "$data" != "$install_dir" ] || [ -n "$(line_of ENTMOOT_IDENTITY "$old" '')" ]; then
    say "kept $old: it tells where identity and data are"
  else
    rm -f "$old"
  fi
}

# ---- options ----

main() {
  command=install
  wanted=
  dry_run=
  no_path=
  from_source=
  prerelease=
  purge=
  yes=
  first=yes
  while [ $# -gt 0 ]; do
    case $1 in
    install | uninstall)
      if [ -z "$first" ]; then misused "expected the command first, found '$1'"; fi
      command=$1
      ;;
    --version)
      if [ $# -lt 2 ]; then misused '--version: expected a version such as v1.2.3'; fi
      wanted=v${2#v}
      shift
      ;;
    --version=*)
      wanted=${1#--version=}
      wanted=v${wanted#v}
      ;;
    --dry-run) dry_run=yes ;;
    --no-path) no_path=yes ;;
    --from-source) from_source=yes ;;
    --prerelease) prerelease=yes ;;
    --purge) purge=yes ;;
    --yes | -y) yes=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) misused "unknown option '$1'" ;;
    esac
    first=
    shift
  done
  if [ "$command" = install ] && [ -n "$purge$yes" ]; then misused '--purge and --yes go with uninstall'; fi
  if [ "$command" = uninstall ] && [ -n "$wanted$no_path$from_source$prerelease" ]; then misused 'uninstall takes --purge, --yes and --dry-run'; fi
  if [ -n "$wanted" ]; then
    case $wanted in
    *[!A-Za-z0-9.+-]*) misused "--version: expected a version such as v1.2.3, found '$wanted'" ;;
    v[0-9]*.[0-9]*.[0-9]*) ;;
    *) misused "--version: expected a version such as v1.2.3, found '$wanted'" ;;
    esac
  fi
  umask 022
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  find_places
  if [ "$command" = install ]; then install_it; else uninstall_it; fi
}

main ${1+"$@"}
}
