// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/snapcore/snapd/dirs"
	"github.com/snapcore/snapd/jsonutil"
	"github.com/snapcore/snapd/overlord/configstate/config"
	"github.com/snapcore/snapd/overlord/snapshotstate"
	"github.com/snapcore/snapd/overlord/snapshotstate/backend"
	"github.com/snapcore/snapd/overlord/snapstate"
	"github.com/snapcore/snapd/overlord/state"
	"github.com/snapcore/snapd/snap"
)

// A restore, and what snapd logged about it.
type restored struct {
	State *backend.RestoreState `json:"state"`
	Log   []string              `json:"log"`
}

// readState reads what snapd remembers; it comes locked. Without a file: nothing.
func readState() (*state.State, error) {
	f, err := os.Open(dirs.SnapStateFile)
	if os.IsNotExist(err) {
		st := state.New(nil)
		st.Lock()
		return st, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := state.ReadState(nil, f)
	if err != nil {
		return nil, err
	}
	st.Lock()
	return st, nil
}

// configuration is a snap's, numbers digit for digit: the daemon makes float64 of them
// before it hands them to the code that is judged here.
func configuration(st *state.State, name string) (map[string]interface{}, error) {
	raw, err := config.GetSnapConfig(st, name)
	if err != nil || raw == nil {
		return nil, err
	}
	var values map[string]interface{}
	err = jsonutil.DecodeWithNumber(bytes.NewReader(*raw), &values)
	return values, err
}

func save(args []string) error {
	id, err := setID(args[0])
	if err != nil {
		return err
	}
	st, err := readState()
	if err != nil {
		return err
	}
	defer st.Unlock()
	info, err := snapstate.CurrentInfo(st, args[1])
	if err != nil {
		return err
	}
	values, err := configuration(st, args[1])
	if err != nil {
		return err
	}
	saved, err := backend.Save(context.Background(), id, info, values, args[2:], nil)
	if err != nil {
		return err
	}
	s, err := describe(saved)
	if err != nil {
		return err
	}
	return answer(s)
}

func mayRestore(args []string) error {
	id, err := setID(args[0])
	if err != nil {
		return err
	}
	st, err := readState()
	if err != nil {
		return err
	}
	defer st.Unlock()
	names, _, err := snapshotstate.Restore(st, id, args[1:], nil)
	if err != nil {
		return err
	}
	return answer(names)
}

func restore(args []string) error {
	current := snap.R(0)
	if args[1] != "-" {
		var err error
		if current, err = snap.ParseRevision(args[1]); err != nil {
			return err
		}
	}
	reader, err := backend.Open(args[0], backend.ExtractFnameSetID)
	if err != nil {
		return err
	}
	defer reader.Close()
	result := restored{Log: []string{}}
	logf := func(format string, values ...interface{}) {
		result.Log = append(result.Log, fmt.Sprintf(format, values...))
	}
	ctx := context.Background()
	result.State, err = reader.Restore(ctx, current, args[2:], logf, nil)
	if err != nil {
		return err
	}
	return answer(result)
}

func stateFromStdin() (*backend.RestoreState, error) {
	rs := &backend.RestoreState{}
	err := json.NewDecoder(os.Stdin).Decode(rs)
	return rs, err
}

func revert(args []string) error {
	rs, err := stateFromStdin()
	if err != nil {
		return err
	}
	rs.Revert()
	return answer(rs)
}

func cleanup(args []string) error {
	rs, err := stateFromStdin()
	if err != nil {
		return err
	}
	rs.Cleanup()
	return answer(rs)
}
