#!/usr/bin/env bash
# A page in chromium, without a window: at the width of a desk's screen and of a telephone's, by day
# and by night. No script error, nothing loaded from anywhere, nothing cut off or on top of another.
# Screenshots stay in OUT for people to look at.
#
# usage: page_test.sh VMAFUZZ SOURCE report|explain|damaged OUT
# Ends with 77, which ctest calls skipped, if there is no chromium.
set -euo pipefail

vmafuzz=$1 source=$2 page=$3 out=$4
browser=$(command -v chromium || command -v chromium-browser || true)
[[ $browser ]] || { echo "skipped: chromium is not installed (apt-get install chromium)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

make_run() {
  cp -r "$source/tests/fuzz/sample-run" "$work/run"
  mkdir "$work/run/found"
  local name
  for name in v1-wrong-uprobe suren-rfc-wrong-uprobe suren-rfc-use-after-free \
    plan-a-e-use-after-free peter-sketch-livelock nhit-data-race; do
    cp "$source/repro/$name.repro" "$work/run/found/"
  done
}

case $page in
  report)
    make_run
    "$vmafuzz" report "$work/run" --out "$work/page.html"
    ;;
  damaged)
    make_run
    rm "$work/run/status.json"
    truncate -s -40 "$work/run/events.jsonl"
    echo '# vmafuzz repro v1, cut' >"$work/run/found/v1-wrong-uprobe.repro"
    echo '<b>what the run said</b>' >"$work/run/found/v1-wrong-uprobe.txt"
    "$vmafuzz" report "$work/run" --out "$work/page.html"
    ;;
  explain) "$vmafuzz" explain --html "$source/repro/v1-wrong-uprobe.repro" >"$work/page.html" ;;
esac

if grep -nE '(src|href)="?(https?:|//)|@import|url\(' "$work/page.html"; then
  echo "FAILED: the page wants something from elsewhere"
  exit 1
fi
{ cat "$work/page.html"; printf '<script>'; cat "$source/tests/browser/probe.js"; printf '</script>'; } \
  >"$work/probed.html"

# A window is at least 500 pixels wide, a frame in it is not.
frame() {
  cat >"$work/frame.html" <<HTML
<!DOCTYPE html><meta charset="utf-8"><pre id="probe"></pre>
<iframe width="$1" height="$2" style="border:0" src="probed.html"></iframe>
<script>
addEventListener('message', event => { document.getElementById('probe').textContent = event.data; });
</script>
HTML
}

# look WIDTH HEIGHT light|dark
look() {
  local width=$1 height=$2 scheme=$3 number=1 name=$page-$1-$3
  [[ $scheme == dark ]] && number=0
  local -a flags=(--headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run
    --user-data-dir="$work/profile" --blink-settings=preferredColorScheme=$number
    --window-size="$width,$height" --enable-logging=stderr)
  timeout -k 5 60 "$browser" "${flags[@]}" --screenshot="$out/$name.png" "file://$work/page.html" \
    >"$work/log" 2>&1
  frame "$width" "$height"
  timeout -k 5 60 "$browser" "${flags[@]}" --virtual-time-budget=5000 --dump-dom \
    "file://$work/frame.html" >"$work/dom" 2>>"$work/log"
  if grep -F 'CONSOLE' "$work/log"; then
    echo "FAILED: $name: the page made the browser complain"
    exit 1
  fi
  sed -n '/<pre id="probe">PROBE$/,/^END/p' "$work/dom" >"$work/probe"
  if ! grep -qx "width $width" "$work/probe" || ! grep -qx "paper $scheme" "$work/probe" ||
    grep -q '^PROBLEM' "$work/probe"; then
    echo "FAILED: $name"
    cat "$work/probe"
    exit 1
  fi
  echo "$name: looked at"
}

for scheme in light dark; do
  look 1280 2000 "$scheme"
  look 390 3000 "$scheme"
done
look 800 2000 light
echo passed
