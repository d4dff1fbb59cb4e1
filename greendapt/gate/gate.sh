#!/usr/bin/env bash
# The gate of action.yml and of gitlab-gate.yml: judges, writes $OUT/verdict.md and $OUT/junit.xml,
# and ends as the judgement does. Reads SUITE and BENCH, or TESTS; BASELINE or BASE; TIERS.
set -uo pipefail
mkdir -p "$OUT"
report=(--tiers "${TIERS:-exact}" --junit "$OUT/junit.xml" --markdown "$OUT/verdict.md")

if [ -n "${TESTS:-}" ]; then
    : "${BASELINE:?tests need a baseline: pytest --carbon-save FILE writes it; commit it}"
    # words of TESTS are options and paths; exact costs need no repeats
    quick=(); [ "${TIERS:-exact}" = exact ] && quick=(--benchmark-disable)
    # shellcheck disable=SC2086
    python -m pytest $TESTS "${quick[@]}" --carbon-baseline "$BASELINE" --carbon-tiers "${TIERS:-exact}" \
        --junit-xml "$OUT/junit.xml" 2>&1 | tee "$OUT/pytest.txt"
    status=$?
    outcome=pass; [ "$status" = 0 ] || outcome=failed
    { echo "### greendapt, tests: $outcome"; echo '```text'
      grep -E "carbon|now (costs|takes|needs)|: .*FLOP|passed|failed|error" "$OUT/pytest.txt" | tail -n 40
      echo '```'; } > "$OUT/verdict.md"
    exit "$status"
fi

: "${SUITE:?name a suite, or tests}"
if [ -n "${BASELINE:-}" ]; then
    # shellcheck disable=SC2086
    greendapt bench --suite "$SUITE" --trust ${BENCH:-} --out "$OUT/runs"
    status=$?
    [ "$status" = 0 ] || [ "$status" = 4 ] || exit "$status" # a cell that failed is judged, too
    greendapt check "$OUT"/runs/* --baseline "$BASELINE" "${report[@]}"
else
    : "${BASE:?a suite without a baseline needs the commit to compare with}"
    git cat-file -e "$BASE^{commit}" 2> /dev/null || git fetch --quiet --depth=1 origin "$BASE"
    greendapt check --against "$BASE" --suite "$SUITE" --bench "--trust ${BENCH:-}" --out "$OUT/runs" "${report[@]}"
fi
