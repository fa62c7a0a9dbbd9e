# Sourced by `cityward` and `tests/run`: keeps .venv in step with the lock files.

# venv_ready ROOT LOCK...  - make ROOT/.venv hold what requirements/LOCK.txt lists; quiet unless that fails.
venv_ready() {
  local root=$1 lock todo=()
  shift
  for lock in "$@"; do _venv_has "$root" "$lock" || todo+=("$lock"); done
  [ "${#todo[@]}" -eq 0 ] || (
    set -euo pipefail
    exec 9>"$root/.venv.lock"
    flock 9 # two that start at once: the second waits here, and then finds everything done
    [ ! -t 2 ] || echo "cityward: installing what it needs into .venv (once, and when requirements change) ..." >&2
    for lock in "${todo[@]}"; do _venv_has "$root" "$lock" || _venv_install "$root" "$lock"; done
  )
}

_venv_has() { # ROOT LOCK
  _venv_fits "$1" && [ "$(sha256sum <"$1/requirements/$2.txt")" = "$(cat "$1/.venv/.has-$2" 2>/dev/null)" ]
}

# A set-up that was cut off, another interpreter than it was made with or a checkout that moved: none of these can be mended.
_venv_fits() { # ROOT
  [ ! -e "$1/.venv/.unfinished" ] && [ "$(_venv_origin "$1")" = "$(cat "$1/.venv/.made-for" 2>/dev/null)" ]
}

_venv_origin() { # ROOT
  readlink -e "$1/.venv/bin/python"
  echo "$1"
}

_venv_install() { # ROOT LOCK
  local root=$1 venv=$1/.venv lock=$2 python
  if ! _venv_fits "$root"; then
    python=$(_venv_python)
    rm -rf "$venv"
    mkdir "$venv"
    touch "$venv/.unfinished"
    _venv_quietly "$python" -m venv "$venv"
    _venv_origin "$root" >"$venv/.made-for"
  fi
  touch "$venv/.unfinished"
  _venv_quietly "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --require-hashes --no-deps \
    -r "$root/requirements/$lock.txt"
  sha256sum <"$root/requirements/$lock.txt" >"$venv/.has-$lock"
  rm "$venv/.unfinished"
}

_venv_quietly() { # COMMAND...
  local said
  said=$("$@" 2>&1 </dev/null) || {
    printf '%s\n' "$said" "cityward: setting up .venv failed (see above); the next start tries again" >&2
    exit 1
  }
}

_venv_python() {
  local python
  for python in python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  echo "cityward: needs Python 3.11 or newer, as python3" >&2
  exit 1
}
