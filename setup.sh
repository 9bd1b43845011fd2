#!/bin/sh
# Make .venv with the locked packages; `make` calls it. Take another Python: PYTHON=/path/to/python sh setup.sh
# Whatever was left half made by an earlier call is finished by this one.
set -eu
cd "$(dirname "$0")"
venv=.venv
log=$venv/setup.log
named=${PYTHON:-}

fail() {
  printf 'ERROR %s\n' "$*" >&2
  exit 1
}

# 3.11 to 3.14 may take part, in whatever folder they lie
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# Why an installation failed, from its log, in one line
explain() {
  if grep -qiE 'no space left|os error 28|disk quota' "$log"; then
    fail "The disk is full. $(pwd)/$venv needs about 8 GB: free some, then call make again; it goes on from here."
  elif grep -qiE 'permission denied|read-only file system' "$log"; then
    fail "A file cannot be written: $(grep -iE 'permission denied|read-only file system' "$log" | head -n 1)"
  elif grep -qiE 'dns error|resolve|connect|network|timed out|timeout|certificate|tls|proxy|failed to (fetch|download)|could not find a version' "$log"; then
    fail "The package registry cannot be reached. Check the network (and HTTPS_PROXY, PIP_INDEX_URL, SSL_CERT_FILE if you use them), then call make again; details: $log"
  elif grep -qiE 'failed to build|gcc|compil' "$log"; then
    fail "A package has no ready-made file for Python $(version $venv/bin/python) on this machine, and building it failed: take another Python (make PYTHON=python3.13 …), or install a C compiler; details: $log"
  fi
  tail -n 15 "$log" >&2
  fail "The packages could not be installed; the lines above are from $log"
}

# Run a command with its progress on the terminal; if it fails, once more into the log, which tells the reason
install() {
  if [ -t 2 ] && "$@"; then return; fi
  "$@" >"$log" 2>&1 || explain
}

make_venv() {
  bare=
  seen=
  for python in ${named:-python3 python3.14 python3.13 python3.12 python3.11}; do
    command -v "$python" >/dev/null 2>&1 || continue
    if ! fits "$python"; then
      seen="$seen, $python is $(version "$python" || echo broken)"
    elif makes_venvs "$python"; then
      "$python" -m venv --clear $venv 2>"$log.new" || { mv -f "$log.new" "$log"; explain; }
      rm -f "$log.new"
      return
    else
      bare=${bare:-$python}
    fi
  done
  if [ -z "$named" ] && command -v uv >/dev/null 2>&1; then
    uv venv --quiet --clear --seed --python "${bare:-3.13}" $venv || fail "uv could not make $venv with Python ${bare:-3.13}"
  elif [ -n "$bare" ]; then
    fail "$bare has no venv module. Install it (Debian, Ubuntu: sudo apt install python$(version "$bare")-venv), or install uv; then call make again."
  elif [ -n "$named" ]; then
    fail "PYTHON=$named is no Python 3.11 to 3.14${seen:+ (${seen#, })}: name another one."
  else
    fail "cafemood needs Python 3.11 to 3.14${seen:+, and ${seen#, }}. Install one (Debian, Ubuntu: sudo apt install python3 python3-venv; macOS: brew install python@3.13), or install uv; then call make again."
  fi
}

mkdir -p $venv 2>/dev/null && : >"$log" 2>/dev/null ||
  fail "$(pwd)/$venv cannot be written: correct the rights of the folder, free space on its disk, or clone into a folder of yours."
[ -n "${UV_CACHE_DIR-unset}" ] || unset UV_CACHE_DIR # empty means none to uv's users, and an error to uv
# a home that cannot be written holds no cache
caches=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}
if ! { mkdir -p "$caches" && [ -w "$caches" ]; } 2>/dev/null; then
  export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1

if ! { fits $venv/bin/python && { [ -x $venv/bin/uv ] || $venv/bin/python -m pip --version; }; } >/dev/null 2>&1; then
  make_venv
fi
printf 'Setting up %s with Python %s (downloads up to 3 GB at the first call)\n' "$venv" "$(version $venv/bin/python)"
$venv/bin/uv --version >/dev/null 2>&1 || install $venv/bin/python -m pip install --quiet uv
install $venv/bin/uv pip install --python $venv/bin/python --requirement requirements.lock
install $venv/bin/uv pip install --quiet --python $venv/bin/python --no-deps --editable .
: >$venv/.installed
