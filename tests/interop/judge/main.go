// SPDX-License-Identifier: GPL-3.0-or-later

// Judge runs single functions of snapd's own snapshot code on a scratch root, so that
// tests can ask snapd what it thinks of a snapshot. It links snapd, which is GPL-3.0
// only: see ../README.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/snapcore/snapd/dirs"
	"github.com/snapcore/snapd/overlord/snapshotstate/backend"
	"github.com/snapcore/snapd/snap"
)

const usage = `usage: judge ROOT VERB [ARGUMENT...]
All paths but those of ZIP lie below ROOT: homes as ROOT/etc/passwd says, snaps as
ROOT/var/lib/snapd/state.json and ROOT/snap say. Answers are JSON on stdout; the status is
1, with the reason on stderr, where snapd returns an error.
`

type verb struct {
	name, operands, help string
	min, max             int // number of operands, max < 0: any
	run                  func(args []string) error
}

var verbs []verb

// init, since help refers to the table.
func init() {
	verbs = []verb{
		{"last", "", "the highest set number in the store", 0, 0, last},
		{"list", "", "all sets of the store, with content hashes", 0, 0, list},
		{"open", "ZIP", "a snapshot's metadata and content hash", 1, 1, open},
		{"check", "ZIP [USER...]", "compare its archives' hashes", 1, -1, check},
		{"save", "SET SNAP [USER...]", "save a snap as it is", 2, -1, save},
		{"may-restore", "SET [SNAP...]", "what is checked before a restore",
			1, -1, mayRestore},
		{"restore", "ZIP CURRENT|- [USER...]", "answers with the restore state",
			2, -1, restore},
		{"revert", "", "undo the restore whose state is on stdin", 0, 0, revert},
		{"cleanup", "", "finish the restore on stdin", 0, 0, cleanup},
		{"export", "SET", "write a set to stdout", 1, 1, export},
		{"import", "SET", "import stdin under a number", 1, 1, importSet},
		{"abandoned", "", "remove what unfinished imports left", 0, 0, abandoned},
	}
}

func help() {
	fmt.Fprint(os.Stderr, usage)
	for _, v := range verbs {
		fmt.Fprintf(os.Stderr, "  %-36s %s\n", v.name+" "+v.operands, v.help)
	}
	os.Exit(2)
}

// homes maps the users of the scratch root to homes below it. tar still runs as the user
// of that name of this machine, so names and numbers have to be those of real users.
func homes(root string) (map[string]*user.User, error) {
	text, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		return nil, err
	}
	users := make(map[string]*user.User)
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) < 7 {
			continue
		}
		users[fields[0]] = &user.User{
			Username: fields[0],
			Uid:      fields[2],
			Gid:      fields[3],
			HomeDir:  filepath.Join(root, fields[5]),
		}
	}
	return users, nil
}

func setRoot(root string) error {
	users, err := homes(root)
	if err != nil {
		return err
	}
	dirs.SetRootDir(root)
	backend.MockUserLookup(func(name string) (*user.User, error) {
		if found := users[name]; found != nil {
			return found, nil
		}
		return nil, user.UnknownUserError(name)
	})
	// snapd's daemon puts its table of interfaces here, which plays no part in this.
	snap.SanitizePlugsSlots = func(*snap.Info) {}
	return nil
}

func answer(value interface{}) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}

func find(name string, operands int) *verb {
	for i := range verbs {
		v := &verbs[i]
		if v.name == name && operands >= v.min &&
			(v.max < 0 || operands <= v.max) {
			return v
		}
	}
	return nil
}

func main() {
	if len(os.Args) < 3 {
		help()
	}
	root, err := filepath.Abs(os.Args[1])
	v := find(os.Args[2], len(os.Args)-3)
	if v == nil {
		help()
	}
	if err == nil {
		err = setRoot(root)
	}
	if err == nil {
		err = v.run(os.Args[3:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
