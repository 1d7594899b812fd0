# Sourced by the scripts beside it: keeps a virtual environment in step with requirements.lock.
#
# Afterwards $root is the checkout, $venv the environment and $python its interpreter.
#   ETHERAPY_VENV    where to keep the environment (default: .venv in the checkout)
#   ETHERAPY_PYTHON  which interpreter makes it (default: the newest of 3.11 to 3.14 that can)

set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$@" >&2; }

give_up() {
    say "$@"
    exit 1
}

# Where the environment goes: in the checkout, or in the user's cache when somebody else's checkout cannot be
# written and the environment in it, if any, cannot be used.
choose_venv() {
    if [ -n "${ETHERAPY_VENV:-}" ]; then
        printf '%s' "$ETHERAPY_VENV"
    elif is_ready "$root/.venv" || [ -w "$root/.venv" ] || { [ ! -e "$root/.venv" ] && [ -w "$root" ]; }; then
        printf '%s' "$root/.venv"
    else
        printf '%s' "${XDG_CACHE_HOME:-$HOME/.cache}/etherapy/venv-$(printf '%s' "$root" | cksum | tr ' ' '-')"
    fi
}

# Whether an environment was made from this checkout as it is now, and runs.
is_ready() { [ "$(cat "$1/etherapy.stamp" 2>/dev/null)" = "$(describe)" ] && "$1/bin/python" -c '' 2>/dev/null; }

# What an environment is made from; when this changes it is brought up to date.
describe() {
    printf '%s %s %s' "$root" "$(cksum <requirements.lock)" "$(cksum <pyproject.toml)"
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_make_venv() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

# A name on the path is no proof: version managers put names there that answer with an error.
choose_python() {
    unfit=
    for candidate in ${ETHERAPY_PYTHON:-python3.13 python3.12 python3.11 python3 python3.14}; do
        command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate" || continue
        if can_make_venv "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
        unfit=${unfit:-$candidate}
    done
    if [ -n "$unfit" ]; then
        number=$("$unfit" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        give_up "$unfit is new enough but cannot make a virtual environment: its modules venv and ensurepip are" \
            "packaged apart. On Debian and Ubuntu:  apt install python$number-venv"
    fi
    [ -z "${ETHERAPY_PYTHON:-}" ] || give_up "ETHERAPY_PYTHON is $ETHERAPY_PYTHON: no Python 3.11 or newer."
    give_up "etherapy needs Python 3.11 or newer, and none was found." \
        "On Debian and Ubuntu:  apt install python3 python3-venv" \
        "Elsewhere set ETHERAPY_PYTHON to the interpreter to use."
}

# Run a long command with its output kept aside; say what it is at, show the output when it fails.
watch_step() {
    title=$1 total=$2
    shift 2
    output=$(mktemp)
    say "$title"
    "$@" >"$output" 2>&1 &
    step=$!
    trap 'kill "$step" || :; wait "$step" || :; rm -f "$output"; exit 130' INT TERM  # the step hears no Ctrl-C
    seconds=0
    while kill -0 "$step" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 5)) -eq 0 ] || continue
        if [ "$total" -gt 0 ]; then
            say "  $(grep -c '^Collecting ' "$output" || true) of $total packages fetched, $seconds s"
        else
            say "  $seconds s"
        fi
    done
    if ! wait "$step"; then
        cat "$output" >&2
        rm -f "$output"
        give_up "That failed: $title"
    fi
    trap - INT TERM
    rm -f "$output"
}

make_venv() {
    interpreter=$(choose_python)
    watch_step "Making a virtual environment in $venv ($interpreter)" 0 \
        "$interpreter" -m venv --clear "$venv"
}

install_lock() {
    total=$(grep -c '^[a-z0-9].*==' requirements.lock)
    if command -v uv >/dev/null 2>&1 &&
        uv pip install --quiet --python "$python" --require-hashes --requirement requirements.lock 2>/dev/null; then
        return
    fi
    watch_step "Installing $total packages, pinned by hash" "$total" \
        "$python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
        --require-hashes --requirement requirements.lock
}

# Needs no network: what builds it is in the lock too.
install_project() {
    watch_step "Installing etherapy itself" 0 \
        "$python" -m pip install --disable-pip-version-check --no-input --quiet \
        --no-build-isolation --no-deps --editable "$root"
}

venv=$(choose_venv)
python=$venv/bin/python
if ! is_ready "$venv"; then
    if [ -d "$venv" ] && [ ! -w "$venv" ]; then
        give_up "$venv is out of date and belongs to somebody else; set ETHERAPY_VENV to a directory of yours."
    fi
    "$python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || make_venv
    rm -f "$venv/etherapy.stamp"
    install_lock
    install_project
    describe >"$venv/etherapy.stamp"
fi
