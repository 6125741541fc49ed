#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What each verb says, in tables, sentences, JSON and exit status, on one small app.  That
# the data comes back is for other tests to prove.

. "${abs_top_srcdir:?}/tests/cli/lib.sh" || exit 99

# The store and root of run(), as they stand in a command that is suggested.
here="--user --root $root --store $store"

mkdir -p "$home/.demo"
echo one >"$home/.demo/file"
echo two >"$home/.demorc"

# ---- Without a store ----

run saved
is_status 0 'saved: no store is no error'
is_out 'No snapshots found.' 'saved: and holds nothing'
run list --json
is_out '{"version":1,"sets":[]}' 'saved: nothing in JSON'
for verb in 'show 1' 'check 1' 'restore 1' 'forget 1' 'export 1 file' 'saved --id 1'; do
	run $verb
	is_status 4 "$verb: there is no such set"
	run $verb --json
	is_status 4 "$verb --json: the same status"
	is_json 'd["error"]["kind"]' '"not-found"' "$verb --json: kind"
done
run undo
is_status 4 'undo: there is nothing to undo'
run keep
is_status 4 'keep: there is nothing to keep'

# ---- What is here ----

run users
is "$(tr -s ' ' <"$scratch/out")" "User Uid Gid Home
tester $(id -u) $(id -g) /home/tester" 'users: one line for each'
run users --json
is_json '[list(u) for u in d["users"]]' '[["name","uid","gid","home"]]' \
	'users: keys in JSON'
is_json 'list(d["users"][0].values())' \
	"[\"tester\",$(id -u),$(id -g),\"/home/tester\"]" 'users: values in JSON'
run apps
is_status 0 'apps: status'
is_out 'App   Packaging  Version  Rev  Size  Users   Summary
demo  native     -        x1   8B    tester  The app demo' 'apps: only those with data'
run apps --json
is_json '[list(a) for a in d["apps"]]' \
	'[["name","packaging","version","revision","users","size","summary"]]' \
	'apps: keys in JSON'
is_json 'list(d["apps"][0].values())' \
	'["demo","native","","x1",["tester"],8,"The app demo"]' 'apps: values in JSON'
run estimate
is_out 'App    Packaging  Archive          Size
demo   native     user/tester.tgz  8B
Total  -          -                8B' 'estimate: archives and the sum'
run estimate --json
is_json '[list(d), d["size"], len(d["apps"])]' '[["version","size","apps"],8,1]' \
	'estimate: JSON'
is_json 'd["apps"][0]' \
	'{"name":"demo","packaging":"native","size":8,"archives":{"user/tester.tgz":8}}' \
	'estimate: an app in JSON'
run estimate --exclude data/file demo other
is_status 0 'estimate: an app without data is no error'
like_out '^Total .* 4B$' 'estimate: what is excluded is not counted'
is_err 'setaside: other: has no data here' 'estimate: but said'
run estimate nosuch
is_status 4 'estimate: no such app'

# ---- Save ----

run save --dry-run
is_out 'Would save 8B of data.' 'save --dry-run: says how much'
run save --dry-run --json
is_out '{"version":1,"set":null,"unchanged":[],"empty":[],"dry-run":true,"size":8,"apps":["demo"]}' \
	'save --dry-run: JSON'
run saved
is_out 'No snapshots found.' 'save --dry-run: saves nothing'

run save demo other --name first --note 'a "note"'
is_status 0 'save: status'
is "$(without_age | cut -d ' ' -f 1-4,6)" 'Set App Version Rev Notes
1 demo - x1 first' 'save: the table of the set'
is_err 'setaside: other: has no data here' 'save: names the app without data'
run save --name first
is_status 8 'save: a name is given once'
run save --name 12
is_status 2 'save: digits are no name'
run save other
is_status 4 'save: nothing but apps without data'
run save nosuch
is_status 4 'save: no such app'
run save --users nosuch
is_status 4 'save: no such user'
run save --exclude '../x'
is_status 2 'save: a bad pattern'
like_err '"data", "rc"' 'save: the trees whose data may be excluded are named'
run save --exclude 'data/**'
is_status 2 'save: "**" stands in definitions'
like_err '"data/\*\*": ' 'save: a bad pattern is told as it was typed'
run save --dry-run --exclude 'data/sub/'
is_status 0 'save: a directory may be excluded with its slash'
echo three >"$home/.demo/more"
run save --json --auto --reason upgrade other demo
is_status 0 'save --json: status'
is_json 'sorted(d)' '["empty","set","unchanged","version"]' 'save --json: keys'
is_json '[d["set"][k] for k in ("id", "name", "note", "auto")]' '[2,null,null,true]' \
	'save --json: the set'
is_json '[d["unchanged"], d["empty"]]' '[[],["other"]]' 'save --json: empty apps'
is_json '[s["setaside"]["reason"] for s in d["set"]["snapshots"]]' '["upgrade"]' \
	'save --json: the reason stands in the metadata'
run save --quiet --compress small
is_status 0 'save --quiet: status'
is_out '' 'save --quiet: no answer'
is_err '' 'save --quiet: no notes'

if test "$(id -u)" -ne 0; then
	echo secret >"$home/.demo/secret"
	chmod 0 "$home/.demo/secret"
	run save --json
	is_status 3 'save: a file that cannot be read is status 3'
	is_json 'd["set"]["id"]' 4 'save: and still a set'
	like_err 'secret' 'save: which is named'
	run saved --id 4
	like_out '  incomplete$' 'saved: a set that lacks a file is told from a whole one'
	rm -f "$home/.demo/secret"
	run forget 4
else
	for name in 'is status 3' 'and still a set' 'which is named' \
		'told from a whole one'; do
		skip "save: a file that cannot be read: $name" 'root reads everything'
	done
fi

# ---- Saved and show ----

run saved
is_status 0 'saved: status'
is "$(without_age | cut -d ' ' -f 1,2,4,6-)" 'Set App Rev Notes
1 demo x1 first
2 demo x1 auto
3 demo x1 -' 'saved: all sets'
run saved --id first --abs-time
is_out "$(cat "$scratch/out")" 'saved --id --abs-time'
like_out '^1    demo  [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[-+][0-9:]+)  ' \
	'saved --abs-time: RFC 3339'
is "$(wc -l <"$scratch/out" | tr -d ' ')" 2 'saved --id: only that set'
run saved --json
is_json '[list(s) for s in d["sets"]][0]' \
	'["id","name","note","time","size","auto","content-hash","snapshots"]' \
	'saved --json: keys in their order'
is_json '[[s["id"], s["name"], s["note"], s["auto"]] for s in d["sets"]]' \
	'[[1,"first","a \"note\"",false],[2,null,null,true],[3,null,null,false]]' \
	'saved --json: all sets'
is_json '[len(s["content-hash"]) for s in d["sets"]]' '[64,64,64]' 'saved --json: hashes'
is_json '" ".join(d["sets"][0]["snapshots"][0])' \
	'"set time snap revision snap-id epoch summary version sha3-384 size setaside"' \
	'saved --json: the keys of the metadata'
hash=$(json 'd["sets"][0]["content-hash"]' | tr -d '"')
run show "$hash" --json
is_json 'd["set"]["name"]' '"first"' 'show: a set by its hash'
is_json '[d["set"][k] for k in ("origin", "reason", "expires", "pinned")]' \
	'["saved",null,null,false]' 'show --json: what show says, too'
run show first
is_status 0 'show: status'
is "$(sed -n 1,4p "$scratch/out")" 'Set           1
Name          first
Note          a \"note\"
Origin        saved' 'show: what the set is'
like_out '^demo \(native, revision x1\)$' 'show: the app'
like_out '^  user/tester.tgz$' 'show: the archive'
like_out "^    User      tester \($(id -u):$(id -g)\)\$" 'show: its user'
like_out '^    Tree      data: ~/.demo$' 'show: a tree'
like_out '^    Tree      rc: ~/.demorc \(a file\)$' 'show: a file'
run show frist
is_status 4 'show: no such set'
like_err 'did you mean "first"' 'show: but one with a name like that'
run show 2
like_out '^Reason        upgrade$' 'show: the reason of an automatic set'
like_out '^Expires       [0-9]{4}-' 'show: when it goes'
run show 2 --json
is_json 'd["set"]["expires"] > "2000-" and d["set"]["reason"]' '"upgrade"' \
	'show --json: when it goes'

mv "$store/snapshots/2_demo_"*.zip "$scratch/"
run saved --json --id 2
is_json 'd["sets"][0]["time"] > "2000-"' true 'saved --json: a lost file leaves the set its time'
is_json 'd["sets"][0]["snapshots"][0]["broken"]' '"the file is gone"' 'saved --json: says so'
mv "$scratch/2_demo_"*.zip "$store/snapshots/"

# ---- Check ----

run check 1
is_status 0 'check: status'
is_out 'Set 1 verified successfully.' 'check: says so'
run verify first demo
is_out 'Set 1 of app "demo" verified successfully.' 'check: of an app'
run check 1 --deep
is_out 'Set 1 verified successfully.' 'check --deep: says so'
run check 1 --quiet
is_out '' 'check --quiet: nothing to say'
run check 1 --json
is_json 'd["check"]' '{"set":1,"apps":[{"name":"demo","ok":true,"problems":[]}]}' \
	'check: JSON'
run check 1 other
is_status 4 'check: no such app in the set'
cp "$store"/snapshots/3_*.zip "$scratch/3.zip"
flip "$(echo "$store"/snapshots/3_*.zip)" 100
run check 3
is_status 5 'check: damage is status 5'
like_out '^demo: ' 'check: named on stdout'
is_err 'setaside: set 3: damaged: 1 of 1 snapshots' 'check: and told on stderr'
run check 3 --json
is_status 5 'check --json: damage is status 5'
is_json '[[a["name"], a["ok"], len(a["problems"])] for a in d["check"]["apps"]]' \
	'[["demo",false,1]]' 'check --json: an answer, not an error'
cat "$scratch/3.zip" >"$(echo "$store"/snapshots/3_*.zip)"

# ---- Restore, undo, keep ----

echo changed >"$home/.demo/file"
rm "$home/.demorc"
run restore first --dry-run
is_status 0 'restore --dry-run: status'
is_out "Would restore set 1.
Would be replaced (the old ones stay aside):
  $home/.demo
Would be created:
  $home/.demorc" 'restore --dry-run: the plan'
is "$(cat "$home/.demo/file")" changed 'restore --dry-run: changes nothing'
run restore first --dry-run --json
is_json '[d["restore"][k] for k in ("dry-run", "id", "set", "apps")]' '[true,null,1,["demo"]]' \
	'restore --dry-run: JSON'
run restore first
is_status 0 'restore: status'
is_out "Restored set 1.
To go back: setaside $here undo 1" 'restore: says how to go back'
is "$(cat "$home/.demo/file" "$home/.demorc")" 'one
two' 'restore: it did'
run undo
is_status 0 'undo: status'
is_out "Undid the restore of set 1.
To go forward again: setaside $here undo 2" 'undo: says how to go forward'
is "$(cat "$home/.demo/file")" changed 'undo: it did'
run undo 1
is_status 4 'undo: once'
run undo 2 --quiet
is_out '' 'undo --quiet: nothing to say'
run restore 1 demo --json
is_json 'list(d["restore"])' '["id","set","apps","created","moved","skipped"]' \
	'restore --json: keys in their order'
is_json '[d["restore"]["id"], len(d["restore"]["created"]), len(d["restore"]["moved"])]' \
	'[4,2,2]' 'restore --json: paths'
run keep 4 --json
is_json '[d["keep"]["id"], len(d["keep"]["removed"])]' '[4,2]' 'keep: JSON'
run restore 1 demo
is_out "Restored set 1 of app \"demo\".
To go back: setaside $here undo 5" 'restore: of an app'
run keep
is_out 'Restore 5 is final; 2 old trees removed.' 'keep: says what went'
run restore 1 --users nosuch
is_status 4 'restore: no such user in the set'
run restore 1 other
is_status 4 'restore: no such app in the set'
run restore 1 --map-user tester
is_status 2 'restore: a mapping that is none'

# ---- Export and import ----

to=$scratch/to
mkdir "$to"
run export first "$to/one"
is_status 0 'export: status'
size=$(wc -c <"$to/one" | tr -d ' ')
is "$(sed 's/([^)]*)/()/' "$scratch/out")" "Set 1 exported to \"$to/one\" ()." 'export: says so'
is_err '' 'export: and nothing else'
run export first "$to/one"
is_status 8 'export: never over a file'
is_err "setaside: cannot export to \"$to/one\": it exists already
setaside: hint: --force replaces it" 'export: but says how'
run export first "$to/one" --force --quiet
is_out '' 'export --force --quiet: nothing to say'
run export 1 --json "$to/json"
is_out "{\"version\":1,\"export\":{\"sets\":[1],\"file\":\"$to/json\",\"size\":$size}}" 'export: JSON'
run export 1 "-o$to/a"
is_status 0 'export -oFILE'
run export 1 -o "$to/b"
is_status 0 'export -o FILE'
run -o "$to/c" export 1
is_status 0 'export, -o before the verb'
run export "--output=$to/d" 1
is_status 0 'export --output=FILE'
run export --output "$to/e" -- 1
is_status 0 'export --output FILE'
run export 1 -o -
is "$(wc -c <"$scratch/out" | tr -d ' ')" "$size" 'export -o -: to standard output'
is "$(echo "$to"/?)" "$to/a $to/b $to/c $to/d $to/e" 'export: every file is there'
run export 1 3 -o "$to/both"
is "$(sed 's/([^)]*)/()/' "$scratch/out")" "2 sets exported to \"$to/both\" ()." 'export: several sets'
is_err 'setaside: of several sets in one stream snapd imports only the first' 'export: with a note'
run export 1 3 -o "$to/quiet" --quiet
is_err '' 'export --quiet: without it'
run export 1 - --json
is_status 2 'export: JSON and the export cannot both be the answer'
run import "$to/one"
is_status 0 'import: of what is here already'
is "$(sed -n 1p "$scratch/out")" 'This is set 1, which is here already.' 'import: says which set it is'
is "$(without_age | sed 1d | cut -d ' ' -f 1-4,6)" 'Set App Version Rev Notes
1 demo - x1 first' 'import: the table of the set'
run import "$to/one" --json
is_out '{"version":1,"import":{"set":1,"duplicate":true,"apps":["demo"]}}' 'import: JSON'
run import "$to/one" --allow-duplicate --name came --note 'from there'
like_out '^Imported as set [45]\.$' 'import: a new set'
run show came
like_out '^Note +from there$' 'import: its note'
like_out '^Origin +imported$' 'import: its origin'
run import "$to/both" --json
is_json '[i["duplicate"] for i in d["imports"]]' '[true,true]' 'import: several sets in JSON'
run import "$to/one" --name first --allow-duplicate
is_status 8 'import: a name is given once'
run import "$to/one" --name 12
is_status 2 'import: digits are no name'
run import "$to/nosuch"
is_status 1 'import: no such file'
is_err "setaside: cannot open \"$to/nosuch\": No such file or directory" 'import: which is named'
run import "$to" --json
is_status 5 'import: a directory'
is_json 'd["error"]["kind"]' '"damaged"' 'import: a directory in JSON'
run forget came

# ---- Forget ----

run forget 3 --dry-run
is_out 'Would forget set 3.
Would be gone:
  demo' 'forget --dry-run: says what'
run saved --id 3
is_status 0 'forget --dry-run: forgets nothing'
run forget 3
is_out 'Set 3 forgotten.' 'forget: a set'
run forget 3
is_status 4 'forget: once'
run forget 2 demo
is_out 'Set 2 of app "demo" forgotten.' 'forget: an app'
run forget first --json
is_out '{"version":1,"forget":{"set":1,"apps":["demo"]}}' 'forget: JSON'
run saved
is_out 'No snapshots found.' 'forget: nothing is left'

# The command that is printed, typed as it stands, in a store with that name.
odd="$scratch/it's \$(touch oops) & co"
run_raw --user --root "$root" --store "$odd" save demo
echo newer >"$home/.demo/file"
run_raw --user --root "$root" --store "$odd" restore 1
is "$(cat "$home/.demo/file")" one 'way back: there is something to undo'
back=$(sed -n 's/^To go back: setaside //p' "$scratch/out")
eval "run_raw $back"
is_out "Undid the restore of set 1.
To go forward again: setaside ${back%1}2" 'way back: leads back in the same store'
is "$(cat "$home/.demo/file")" newer 'way back: to what was there'
run_raw --user --root "$root" --store "$odd" keep
echo one >"$home/.demo/file"

# ---- Doctor ----

run doctor
is_status 0 'doctor: status'
is_out 'Nothing to repair.' 'doctor: nothing to do'
run doctor --json
is_out '{"version":1,"doctor":{"repaired":[],"left":[]}}' 'doctor: JSON'

# ---- Answers lost after the deed ----

if test -w /dev/full; then
	"$setaside" --user --root "$root" --store "$store" save >/dev/full \
		2>"$scratch/err"
	status=$?
	: >"$scratch/out"
	is_status 3 'save: done, but not told, is status 3'
	like_err '^setaside: done, but the answer could not be written: .*: No space' \
		'save: and said'
	run saved
	like_out '  demo  ' 'save: done it is'
else
	for name in 'is status 3' 'and said' 'done it is'; do
		skip "save: done, but not told: $name" 'there is no /dev/full'
	done
fi

# ---- Which store ----

SETASIDE_STORE=$store
export SETASIDE_STORE
run_raw --user --root "$root" saved
like_out '  demo  ' 'SETASIDE_STORE names the store'
run_raw --user --root "$root" --store "$scratch/none" saved
is_out 'No snapshots found.' '--store outweighs it'
SETASIDE_STORE=
run_raw --user --root "$root" saved
is_out 'No snapshots found.' 'an empty SETASIDE_STORE names none'
run_raw --user --root "$scratch/nosuch" saved
is_status 1 'a root that is not there is no empty one'

done_testing
