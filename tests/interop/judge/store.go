// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/snapcore/snapd/client"
	"github.com/snapcore/snapd/osutil"
	"github.com/snapcore/snapd/overlord/snapshotstate/backend"
)

// A snapshot as snapd reads it.
type snapshot struct {
	File     string           `json:"file,omitempty"`
	Hash     string           `json:"content-hash"`
	Snapshot *client.Snapshot `json:"snapshot"`
}

type set struct {
	ID        uint64     `json:"id"`
	Hash      string     `json:"content-hash"`
	Snapshots []snapshot `json:"snapshots"`
}

func setID(text string) (uint64, error) {
	return strconv.ParseUint(text, 10, 64)
}

func describe(sh *client.Snapshot) (snapshot, error) {
	hash, err := sh.ContentHash()
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{Hash: hex.EncodeToString(hash), Snapshot: sh}
	// snapd knows the name of a file only by its metadata
	if name := backend.Filename(sh); osutil.FileExists(name) {
		s.File = filepath.Base(name)
	}
	return s, nil
}

func last(args []string) error {
	id, err := backend.LastSnapshotSetID()
	if err != nil {
		return err
	}
	return answer(id)
}

func describeSet(found client.SnapshotSet) (set, error) {
	hash, err := found.ContentHash()
	if err != nil {
		return set{}, err
	}
	described := set{ID: found.ID, Hash: hex.EncodeToString(hash)}
	for _, sh := range found.Snapshots {
		s, err := describe(sh)
		if err != nil {
			return set{}, err
		}
		described.Snapshots = append(described.Snapshots, s)
	}
	return described, nil
}

func list(args []string) error {
	found, err := backend.List(context.Background(), 0, nil)
	if err != nil {
		return err
	}
	sets := []set{}
	for i := range found {
		described, err := describeSet(found[i])
		if err != nil {
			return err
		}
		sets = append(sets, described)
	}
	return answer(sets)
}

// A broken snapshot is answered with its reason, as snapd lists it.
func open(args []string) error {
	reader, err := backend.Open(args[0], backend.ExtractFnameSetID)
	if reader == nil {
		return err
	}
	if err == nil {
		defer reader.Close()
	}
	s, err := describe(&reader.Snapshot)
	if err != nil {
		return err
	}
	return answer(s)
}

func check(args []string) error {
	reader, err := backend.Open(args[0], backend.ExtractFnameSetID)
	if err != nil {
		return err
	}
	defer reader.Close()
	return reader.Check(context.Background(), args[1:])
}

func export(args []string) error {
	id, err := setID(args[0])
	if err != nil {
		return err
	}
	exported, err := backend.NewSnapshotExport(context.Background(), id)
	if err != nil {
		return err
	}
	defer exported.Close()
	if err := exported.Init(); err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	if err := exported.StreamTo(out); err != nil {
		return err
	}
	return out.Flush()
}

func importSet(args []string) error {
	id, err := setID(args[0])
	if err != nil {
		return err
	}
	names, err := backend.Import(context.Background(), id, os.Stdin, nil)
	duplicate, isDuplicate := err.(backend.DuplicatedSnapshotImportError)
	switch {
	case isDuplicate:
		id, names = duplicate.SetID, duplicate.SnapNames
	case err != nil:
		return err
	}
	return answer(map[string]interface{}{
		"set": id, "snaps": names, "duplicate": isDuplicate,
	})
}

func abandoned(args []string) error {
	cleaned, err := backend.CleanupAbandondedImports()
	if err != nil {
		return fmt.Errorf("%d cleaned: %v", cleaned, err)
	}
	return answer(cleaned)
}
