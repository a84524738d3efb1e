#!/usr/bin/env bash
# Runs from outside: killed, resumed, by two at once, on a full disk, with other rules around. Arguments: the command.
set -u
eligo=$1
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
# expect STATUS TEXT COMMAND...: the exit status, and a text somewhere in the output.
expect() {
  local status=$1 text=$2 got=0
  shift 2
  "$@" >"$work/out.txt" 2>&1 || got=$?
  [ "$got" = "$status" ] || fail "exit status $got, expected $status: $*"$'\n'"$(tail -n 5 "$work/out.txt")"
  grep -qF -- "$text" "$work/out.txt" || fail "no \"$text\" in the output of: $*"$'\n'"$(tail -n 5 "$work/out.txt")"
}
numbers() { sed 's/,[^,]*$//' "$1/metrics.csv"; }
# same A B: two folders hold the same metrics and checkpoints, but for times.
same() {
  diff <(numbers "$1") <(numbers "$2") >diff.txt || fail "metrics of $1 and $2 differ"$'\n'"$(head -n 5 diff.txt)"
  /usr/bin/python3 - "$1" "$2" <<'END' || fail "checkpoints of $1 and $2 differ"
import glob, os, sys
import numpy as np
a, b = sys.argv[1:]
names = sorted(os.path.basename(f) for f in glob.glob(a + "/checkpoints/*.npz"))
assert names and names == sorted(os.listdir(b + "/checkpoints")), names
for name in names:
    x, y = (np.load(f"{folder}/checkpoints/{name}") for folder in (a, b))
    assert sorted(x.files) == sorted(y.files)
    for key in x.files:
        if key not in ("progress.seconds", "progress.sums"):
            assert x[key].tobytes() == y[key].tobytes(), (name, key)
END
}
clean() { [ -z "$(find "$1" -name '*.tmp*')" ] || fail "temporary files are left in $1: $(find "$1" -name '*.tmp*')"; }
# wait_for ROWS FOLDER: until its metrics have so many.
wait_for() {
  for _ in $(seq 12000); do
    [ "$(wc -l 2>/dev/null <"$2/metrics.csv" || echo 0)" -gt "$1" ] && return
    kill -0 $! 2>/dev/null || return
    sleep 0.01
  done
}

cat >toy.toml <<'END'
name = "toy"
[task]
name = "delayed_target"
T = 5
npoints = 1
[model]
cell = "rnn_tanh"
readout = "linear_mse"
n = 6
[rule]
name = "bptt"
[optimiser]
name = "adam"
[train]
batch = 4
epochs = 6
batches_per_epoch = 300
log_every = 20
[[compare]]
name = "first"
rule.n = 2
[[compare]]
name = "second"
END

# Killed again and again at any time, a run comes to the same.
expect 0 "run folder: whole" "$eligo" run toy.toml --out whole
kills=0
for pause in 0.01 0.05 0.08 0.12 0.16 0.2 0.25 0.3; do
  rm -rf cut
  for attempt in 1 2 3; do
    if [ -e cut/experiment.toml ]; then "$eligo" run --resume cut >cut.txt 2>&1 & else "$eligo" run toy.toml --out cut >cut.txt 2>&1 & fi
    process=$!
    sleep "$pause"
    kill -KILL $process 2>/dev/null && kills=$((kills + 1))
    wait $process 2>/dev/null
  done
  if [ -e cut/experiment.toml ]; then expect 0 "run folder: cut" "$eligo" run --resume cut; else expect 0 "run folder: cut" "$eligo" run toy.toml --out cut; fi
  same whole cut
  clean cut
done
[ $kills -gt 5 ] || fail "only $kills runs were killed before they ended"

# A disk that takes no more than so many KiB of a file: the run stops with the reason, and goes on where there is room.
for size in 1 2 3 4 5 6 7 8 10 12; do
  rm -rf full
  (ulimit -f $size; "$eligo" run toy.toml --out full >out.txt 2>&1)
  status=$?
  if [ $status = 0 ]; then fail "a run fits $size KiB files"; continue; fi
  grep -q "File too large" out.txt || fail "no reason with files of $size KiB"$'\n'"$(tail -n 3 out.txt)"
  if [ -e full ]; then expect 0 "run folder: full" "$eligo" run --resume full; else expect 0 "run folder: full" "$eligo" run toy.toml --out full; fi
  same whole full
  clean full
done

# Rows that somebody has taken out of the metrics are missed.
"$eligo" run toy.toml --out torn train.epochs=400 --only first >torn.txt 2>&1 &
process=$!
wait_for 9 torn
kill -INT $process
wait $process
sed -i 3,4d torn/metrics.csv
"$eligo" run --resume torn >torn.txt 2>&1 &
process=$!
sleep 0.4
kill -INT $process
wait $process
grep -q "first, seed 0: 2 of [0-9]* rows that were written are no longer in torn/metrics.csv" torn.txt ||
  fail "rows that are gone are not missed"$'\n'"$(tail -n 5 torn.txt)"

cp -r whole gone
rm gone/metrics.csv
expect 0 "rows that were written are no longer in gone/metrics.csv" "$eligo" run --resume gone

# One writer: the second is told who is at it and changes nothing, and the first is not disturbed.
"$eligo" run toy.toml --out busy train.epochs=100000 train.log_every=300 >busy.txt 2>&1 &
process=$!
wait_for 2 busy
kill -STOP $process
all_of() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum; find . | sort); }
all_of busy >before.txt
expect 1 "busy: another process writes to this run folder: process $process on $(uname -n), since 2" "$eligo" run --resume busy
expect 1 "there is a run in this folder already" "$eligo" run toy.toml --out busy
all_of busy | diff before.txt - >diff.txt || fail "who was refused changed the folder"$'\n'"$(cat diff.txt)"
rm busy/run.lock
expect 1 "busy: another process writes to this run folder" "$eligo" run --resume busy
kill -CONT $process
kill -INT $process
wait $process
[ $? = 130 ] || fail "the writer was disturbed"$'\n'"$(tail -n 3 busy.txt)"

# A writer that is killed keeps nobody out.
"$eligo" run --resume busy >busy.txt 2>&1 &
process=$!
for _ in $(seq 1000); do grep -q "process $process on" busy/run.lock && break; sleep 0.01; done
kill -KILL $process || fail "the writer had ended"
wait $process 2>/dev/null
grep -q "process $process on" busy/run.lock || fail "the killed writer was not at it"
"$eligo" run --resume busy >busy.txt 2>&1 &
process=$!
wait_for "$(wc -l <busy/metrics.csv)" busy  # before it trains it does not heed an interrupt
kill -INT $process
wait $process
[ $? = 130 ] || fail "a killed writer keeps others out"$'\n'"$(tail -n 3 busy.txt)"

# A run goes on with its own copies, from any folder, whatever happens to the files that it was begun with.
mkdir mine && cat >mine/mine.eli <<'END'
rule mine(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper ρ = 0.5 in [0, 1]
  E[t] = ρ*E[t-1] + d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . E[t]
  learn φ -= d(L[t])/d(φ)
}
END
own=(rule=mine --rules mine)
expect 0 "run folder: own" "$eligo" run toy.toml --out own "${own[@]}"
"$eligo" run toy.toml --out theirs "${own[@]}" >cut.txt 2>&1 &
process=$!
wait_for 3 theirs
kill -INT $process 2>/dev/null
wait $process 2>/dev/null
sed -i 's/ψ -=/ψ +=/' mine/mine.eli
mkdir elsewhere && cp toy.toml elsewhere && cp mine/mine.eli elsewhere
(cd elsewhere && expect 0 "run folder: ../theirs" "$eligo" run --resume ../theirs; exit $failures) || failures=$((failures + 1))
same own theirs
rm -r mine
(cd / && expect 0 "run folder: $work/theirs" "$eligo" run --resume "$work/theirs"; exit $failures) || failures=$((failures + 1))
expect 1 "its own copies of the rules" "$eligo" run --resume theirs --rules elsewhere

# The copies are nobody else's rules.
expect 0 "run folder: again" "$eligo" run toy.toml --out again rule=bptt --rules . train.epochs=1
expect 1 "there is no rule mine" "$eligo" run toy.toml --out none rule=mine --rules own/checkpoints
expect 1 "is the folder of a run" "$eligo" run toy.toml --out none rule=mine --rules own
rm -r elsewhere
expect 1 "there is no rule mine" "$eligo" run toy.toml --out none rule=mine --rules .
[ -e none ] && fail "a run that is refused leaves a folder"

# Nothing is made for a run that takes more memory than it may.
expect 1 "are allowed" "$eligo" run toy.toml --out large --memory 10kB
expect 1 "are allowed" "$eligo" run toy.toml --out large --memory 1MiB model.n=2000
[ -e large ] && fail "a run that is refused for its memory leaves a folder"

# What a run takes stays within its memory: sessions, those that measure, checkpoints. Without a run it is the program's own.
# A sanitizer that keeps freed memory for a while would count as well.
peak() {
  ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=1 /usr/bin/python3 -c 'import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$@"
}
wide=(toy.toml --only second model.cell=lstm train.epochs=2 train.batches_per_epoch=2)
read -r status own < <(peak "$eligo" run "${wide[@]}" --out narrow model.n=4)
[ "$status" = 0 ] || fail "a narrow net does not run"
accepted=0 refused=0
slack=0
[ -z "${ASAN_OPTIONS:-}" ] || slack=20  # and one that puts gaps between what it allocates
for most in 30 60 90 120 150 200 300; do
  read -r status taken < <(peak "$eligo" run "${wide[@]}" --out "wide$most" --memory ${most}MiB model.n=700)
  if [ "$status" != 0 ]; then refused=$((refused + 1)); continue; fi
  accepted=$((accepted + 1))
  [ $((taken - own)) -le $((most + slack)) ] || fail "a run of at most $most MiB takes $((taken - own)) MiB"
done
[ $accepted -gt 0 ] && [ $refused -gt 0 ] || fail "$accepted runs are accepted, $refused refused"

# A variant that diverges ends; the others go on, and the table says where it was.
expect 0 "first, seed 0: diverged at batch 2 of epoch 1: L.loss at step 5" "$eligo" run toy.toml --out wild optimiser=sgd optimiser.alpha=1e30
cp out.txt wild.txt
expect 0 "second, seed 0: diverged at batch" "$eligo" run --resume wild
diff <(grep -A 9 "^variant" wild.txt) <(grep -A 9 "^variant" out.txt) >diff.txt || fail "a resumed table differs"$'\n'"$(cat diff.txt)"

# Only plain files of the run's own settings are gone on with; nothing is waited for, and no link is followed.
"$eligo" run toy.toml --out part train.epochs=2000 --only first >part.txt 2>&1 &
process=$!
wait_for 20 part  # an epoch has 15 rows: there is a best one
kill -INT $process
wait $process
broken() { rm -rf bad; cp -r part bad; }
broken; rm bad/metrics.csv; mkfifo bad/metrics.csv; expect 1 "is no plain file" timeout 20 "$eligo" run --resume bad
broken; rm bad/metrics.csv; ln -s /dev/zero bad/metrics.csv; expect 1 "is no plain file" timeout 20 "$eligo" run --resume bad
broken; truncate -s 3G bad/metrics.csv; expect 1 "larger than 1 GiB" timeout 20 "$eligo" run --resume bad
broken; echo precious >victim; rm bad/run.lock; ln -s ../victim bad/run.lock; expect 1 "symbolic link" "$eligo" run --resume bad
grep -q precious victim || fail "a lock that is a link was followed"
broken; rm bad/run.lock; mkfifo bad/run.lock; expect 1 "is no plain file" timeout 20 "$eligo" run --resume bad
broken; rm bad/experiment.toml; mkfifo bad/experiment.toml; expect 1 "is no plain file" timeout 20 "$eligo" run --resume bad
broken; sed -i 's/^batch = 4/batch = 5/' bad/experiment.toml; expect 1 "have changed since" "$eligo" run --resume bad
broken; sed -i 's/learn ψ -=/learn ψ +=/' bad/rules/bptt.eli; expect 1 "have changed since" "$eligo" run --resume bad
broken; rm bad/checkpoints/*best.npz; expect 1 "is missing; put it back, or remove" "$eligo" run --resume bad
rm -rf bad; cp -r whole bad; cp bad/checkpoints/2-second-seed0-last.npz bad/checkpoints/1-first-seed0-last.npz
expect 1 "belongs to another variant" "$eligo" run --resume bad
long=$(printf 'b%.0s' $(seq 240))
sed "s/\"second\"/\"$long\"/" toy.toml >long.toml
expect 0 "run folder: long" "$eligo" run long.toml --out long train.epochs=1

# Any character of a description comes back.
expect 0 "run folder: del" "$eligo" run toy.toml --out del train.epochs=1 $'description=a\x7fb"\\\t\xce\xbb'
expect 0 $'a\x7fb"\\\t\xce\xbb' "$eligo" run --resume del

[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
echo "all good"
