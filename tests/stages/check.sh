#!/bin/sh
# check.sh ELIGO FILECHECK FILE.check RULES: dumps what the file's first line ("# eligo dump ...") says and checks it. If the
# second line is "# exact", blanks count and a line is checked as a whole.
eligo=$1 filecheck=$2 file=$3 rules=$4
case $filecheck in
  "" | *NOTFOUND) echo "FileCheck is not installed (Debian: llvm-19-tools): skipped"; exit 77 ;;
esac
arguments=$(sed -n '1s/^# eligo //p' "$file")
if [ -z "$arguments" ]; then
  echo "$file: the first line must be '# eligo dump ...'"
  exit 1
fi
dump=$(mktemp) || exit 1
trap 'rm -f "$dump"' EXIT
# The arguments are words without blanks.
if ! ELIGO_RULES=$rules "$eligo" $arguments > "$dump"; then
  echo "eligo $arguments failed"
  exit 1
fi
exact=
[ "$(sed -n 2p "$file")" = "# exact" ] && exact="--strict-whitespace --match-full-lines"
"$filecheck" --dump-input=fail $exact "$file" < "$dump"
