#!/usr/bin/env bash
# The command from outside: what it prints, how it fails, Ctrl-C and resuming. Arguments: the command, the project's folder.
set -u
eligo=$1 root=$2
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
# expect STATUS TEXT COMMAND...: the exit status, and a text somewhere in the output.
expect() {
  local status=$1 text=$2 got=0
  shift 2
  "$@" >out.txt 2>&1 || got=$?
  [ "$got" = "$status" ] || fail "exit status $got, expected $status: $*"$'\n'"$(tail -n 5 out.txt)"
  grep -qF -- "$text" out.txt || fail "no \"$text\" in the output of: $*"$'\n'"$(tail -n 5 out.txt)"
}

small=(train.epochs=2 train.batches_per_epoch=20 train.measure=2 task.T=5)

expect 0 "eligo " "$eligo" version
expect 0 "Werbos 1990" "$eligo" list rules
"$eligo" list | grep -F "$root" >out.txt && fail "a list shows paths without --paths"$'\n'"$(head -n 3 out.txt)"
expect 0 "$root/rules/bptt.eli" "$eligo" list rules --paths
expect 0 '"title": "Backpropagation through time' "$eligo" list rules --json
expect 1 "eligo list rules --markdown" "$eligo" list cells --markdown
expect 0 "train.epochs" "$eligo" list settings
expect 1 "did you mean rules?" "$eligo" list rulse
expect 0 "E0" "$eligo" explain e0304
expect 1 "there is no error code" "$eligo" explain E9999
expect 0 "diag(1 - net.h[t]²) · net.W" "$eligo" explain bp_lambda --size n=4
expect 0 '"group": "rule"' "$eligo" explain rtrl --cell lstm --size n=3 --update step --dtype f64 --json
expect 1 "there is no forward recurrence f" "$eligo" explain bp_lambda --schedule f=dense
expect 1 "--schedule e=: expected a recurrence and a word" "$eligo" dump bp_lambda --schedule e= --stage graph
expect 1 "--schedule reverse: name the recurrence" "$eligo" run quick_start --schedule reverse
expect 1 "--memory 2GoB: expected an amount of memory" "$eligo" explain bptt --memory 2GoB
expect 1 'memory: "lots" is no amount of memory' "$eligo" run quick_start --memory lots
expect 1 "--size n: expected a name and a whole number" "$eligo" gradcheck bptt --size n
expect 1 "did you mean bptt?" "$eligo" explain bpt
expect 0 "ψ" "$eligo" fmt "$root/rules/bptt.eli"
expect 0 "online" "$eligo" check "$root/rules/bp_lambda.eli"
expect 0 "all settings are good" "$eligo" check "$root/rules/experiments/quick_start.toml"
echo 'rule broken(net: cell) {' >broken.eli
expect 1 "broken.eli:2" "$eligo" check broken.eli
expect 1 "broken.eli" "$eligo" fmt broken.eli
expect 1 "did you mean quick_start?" "$eligo" run quick_strat
expect 1 "did you mean lambda?" "$eligo" run quick_start rule.lamda=1
expect 1 "no such folder" "$eligo" run seq_mnist --data /no/such/folder
expect 1 "cannot be made" "$eligo" run quick_start --out /proc/run "${small[@]}"
expect 2 "" "$eligo" no_such_verb

expect 0 "no derivative differs" "$eligo" gradcheck bp_lambda --cell gru --T 3 --batch 1 --hyper lambda=0.5
expect 0 "no derivative differs" "$eligo" gradcheck bptt --T 3 --batch 1 --tolerance 0
expect 0 "learn lines of a alone: g.A, g.a" "$eligo" compare bp_lambda bptt --updates 2 --T 4 --json compared.json model.n=4
grep -q '"ms_per_update"' compared.json || fail "no JSON of a comparison"
expect 1 "did you mean bptt?" "$eligo" compare bp_lambda bpt
expect 1 "--hyper lambda: expected a name and a number" "$eligo" gradcheck bptt --hyper lambda

# A task's batch as a case, which is run as it is or with other parts.
"$eligo" eval --task delayed_target --set T=4 --batch 2 --seed 1 --out task.json || fail "no case of a task"
expect 1 'a case needs a "rule"' "$eligo" eval task.json --out -
expect 0 '"loss"' "$eligo" eval task.json --rule bptt --cell rnn_tanh --readout linear_mse --size n=3 --window -1 --out -
expect 1 "positive integer" "$eligo" eval task.json --rule bptt --cell rnn_tanh --readout linear_mse --size n=3 --hyper n=0 --out -
expect 1 "did you mean delayed_target?" "$eligo" eval --task delayed_targets --out -
expect 1 "has no option TT" "$eligo" eval --task delayed_target --set TT=4 --out -
expect 1 "--set T: expected an option" "$eligo" eval --task delayed_target --set T --out -
expect 1 "batch 200 is outside 1..100" "$eligo" eval --task delayed_target --number 200 --out -
expect 1 "--split dev: it is train, validation or test" "$eligo" eval --task delayed_target --split dev --out -
expect 1 "has no test batches" "$eligo" eval --task delayed_target --split test --out -
expect 1 "eval takes a case, or --task" "$eligo" eval --out -
expect 1 "eval takes a case, or --task" "$eligo" eval task.json --task delayed_target --out -
expect 1 "no such folder" "$eligo" eval --task seq_mnist --data /no/such/folder --out -

expect 0 "run folder: first" "$eligo" run quick_start --out first "${small[@]}"
for file in experiment.toml metrics.csv summary.csv curves.svg curves.png; do
  [ -s "first/$file" ] || fail "first/$file is missing or empty"
done
expect 1 "--resume" "$eligo" run quick_start --out first "${small[@]}"
expect 0 "run folder: first" "$eligo" run --resume first

# A disk that takes no more: the run stops with the reason, and goes on where there is room again.
(ulimit -f 6; expect 1 "File too large" "$eligo" run quick_start --out full "${small[@]}"; exit $failures) || failures=$((failures + 1))
[ -s full/metrics.csv ] || fail "the metrics of a run that found the disk full are gone"
expect 0 "run folder: full" "$eligo" run --resume full
numbers() { sed 's/,[^,]*$//' "$1/metrics.csv"; }
diff <(numbers first) <(numbers full) >diff.txt || fail "metrics differ after a full disk"$'\n'"$(head -n 5 diff.txt)"

# Interrupted anywhere and resumed, a run gives the same numbers as one that was left alone. (The times differ.)
long=(--only "BP(0.5)" train.epochs=4 train.batches_per_epoch=150 train.log_every=30 train.measure=2 task.T=5)
expect 0 "run folder: whole" "$eligo" run quick_start --out whole "${long[@]}"
"$eligo" run quick_start --out cut "${long[@]}" >cut.txt 2>&1 &
process=$!
for _ in $(seq 200); do
  [ "$(wc -l 2>/dev/null <cut/metrics.csv || echo 0)" -gt 3 ] && break
  sleep 0.02
done
kill -INT $process 2>/dev/null
wait $process
status=$?
if [ $status = 130 ]; then
  grep -q "eligo run --resume cut" cut.txt || fail "an interrupted run does not say how to go on"
  expect 0 "run folder: cut" "$eligo" run --resume cut
elif [ $status != 0 ]; then
  fail "interrupted: exit status $status"$'\n'"$(tail -n 5 cut.txt)"
fi
diff <(numbers whole) <(numbers cut) >diff.txt || fail "resumed metrics differ"$'\n'"$(head -n 5 diff.txt)"
checkpoints=(whole/checkpoints/*-last.npz)
[ -s "${checkpoints[0]}" ] || fail "no checkpoint"

# Threads do not change anything.
expect 0 "run folder: threads" "$eligo" run quick_start --out threads "${long[@]}" threads=1
diff <(numbers whole) <(numbers threads) >diff.txt || fail "metrics depend on the threads"$'\n'"$(head -n 5 diff.txt)"

expect 0 "not MNIST" "$eligo" run seq_mnist --out digits seeds=[0] rule=bptt rule.n=5 model.n=8 train.epochs=1 \
  train.batches_per_epoch=5 train.measure=1 task.drawn_train=500 task.drawn_test=100
grep -q "last accuracy %   best epoch   best loss   best accuracy %   test accuracy %" out.txt || fail "no accuracy for seq_mnist"

# A rule that leaves a parameter out says so wherever the two meet, and no tool calls it exact.
cat >forgetful.eli <<'END'
rule forgetful(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
cell projected(n, m, p) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m], P[p, n] ~ normal(0, 1/sqrt(n))
  h[t] = tanh(W . h[t-1] + U . x[t])
  output y[t] = tanh(P . h[t])
}
END
cat >forgetful.toml <<'END'
[task]
name = "delayed_target"
T = 4
[model]
cell = "forgetful.eli:projected"
readout = "linear_mse"
n = 4
p = 3
[rule]
name = "forgetful.eli:forgetful"
[optimiser]
name = "adam"
[train]
epochs = 1
batches_per_epoch = 5
END
left="net.P learns nothing: it acts on the loss behind the state"
expect 0 "warning: rule forgetful with cell projected: $left" "$eligo" check forgetful.eli
expect 0 "$left" "$eligo" check forgetful.toml
expect 0 "$left" "$eligo" run forgetful.toml --quiet --out forgetful
expect 0 "$left" "$eligo" gradcheck forgetful.eli:forgetful --cell forgetful.eli:projected
expect 0 "not exact on this net: net.W, net.U, net.P" "$eligo" gradcheck forgetful.eli:forgetful --cell forgetful.eli:projected
"$eligo" explain forgetful.eli:forgetful --cell forgetful.eli:projected | tr -s '\n ' ' ' | grep -qF "warning: $left" ||
  fail "explain does not warn"
expect 0 "exact on this net" "$eligo" gradcheck bptt --cell forgetful.eli:projected
"$eligo" check bptt 2>&1 | grep -q "warning\|note" && fail "a rule that reaches all is warned about"

# Pipes are no files to be rewritten, devices no pages; a picture is what its name says.
mkfifo pipe.eli
expect 1 "is no plain file" timeout 10 "$eligo" fmt --in-place pipe.eli
bench=(bench --rules bptt --units 4 --T 2 --batch 2 --alone)
expect 1 "/dev/full: cannot be written: No space left" timeout 60 "$eligo" "${bench[@]}" --markdown /dev/full
expect 1 "ends in .png or .svg" "$eligo" "${bench[@]}" --picture picture.gif
expect 1 "none of the parts has a size zz" "$eligo" gradcheck bptt --T 2 --size zz=3
expect 2 "no number of steps" "$eligo" gradcheck bp_lambda --T 2 --window 0
expect 1 "is no number" "$eligo" gradcheck bptt --T 2 --tolerance nan

# A part of the current folder that hides one of the library is named.
mkdir hiding && cd hiding
sed 's/weight = 1$/weight = 2/' "$("$eligo" list readouts --paths | sed -n 's/.* \(\/.*linear_mse.eli\).*/\1/p' | head -n 1)" >heavy.eli
hidden="the readout linear_mse is that of heavy.eli in the current folder, not the library's; write heavy.eli:linear_mse"
expect 0 "note: $hidden" "$eligo" gradcheck bptt --cell rnn_tanh --readout linear_mse --T 2
"$eligo" explain bptt --cell rnn_tanh --readout linear_mse | tr -s '\n ' ' ' | grep -qF "$hidden" || fail "explain does not name what is hidden"
"$eligo" eval --task delayed_target --set T=3 --batch 2 --out task.json
expect 0 "$hidden" "$eligo" eval task.json --rule bptt --cell rnn_tanh --readout linear_mse --size n=3 --out -
expect 0 "note: $hidden" "$eligo" run quick_start --out one train.epochs=1 train.batches_per_epoch=2 --only "full BPTT"
"$eligo" gradcheck bptt --readout heavy.eli:linear_mse --T 2 | grep -q "note:" && fail "a file that is named is no surprise"
cd ..

[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
echo "all good"
