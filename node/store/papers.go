package store

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"picloud/node/api"
	"picloud/node/owned"
)

// A disk may be another node's, or another cloud's: cards are swapped by hand. And it may have been written by a
// newer version. So a node's name, its cloud and the format of what it keeps stand on its disk before anything
// else does, and once more within the database's folder, and are looked at before anything is opened for writing.
// A disk that is refused stays as it is.

// identityFile is the name of these files, on the disk and in the folder.
const identityFile = "store-identity"

// owner is who may use the disk.
func (s *Store) owner() owned.Owner { return owned.Owner{Cloud: s.config.Cloud, Node: s.config.Node} }

// claimDisk makes sure that the disk is this node's, or new.
func (s *Store) claimDisk() error {
	disk := s.host.Disk
	return s.claim(identityFile, func() (names []string, err error) {
		for _, name := range []string{folder, folder + ".mark", damagedFile} {
			if _, e := disk.Stat(name); e == nil {
				names = append(names, name)
			} else if !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
		return names, err
	})
}

// claimFolder does the same for the folder of the database, and makes it where it does not exist.
func (s *Store) claimFolder() error {
	disk := s.host.Disk
	if err := errors.Join(disk.MkdirAll(folder, 0o755), owned.SyncDir(disk, disk.PathDir(folder))); err != nil {
		return fmt.Errorf("store: make the folder %s: %w", folder, err)
	}
	return s.claim(disk.PathJoin(folder, identityFile), func() ([]string, error) {
		names, err := disk.List(folder)
		return slices.DeleteFunc(names, owned.Unfinished), err
	})
}

// claim makes sure that a file says that this node owns what lies beside it. Where nothing does, the file is
// written.
func (s *Store) claim(path string, beside func() ([]string, error)) error {
	if is, err := owned.Read(s.host.Disk, path, s.owner(), nil); is || err != nil {
		return err
	}
	names, err := beside()
	if err != nil {
		return fmt.Errorf("store: look whose the disk is: %w", err)
	}
	if len(names) > 0 {
		return api.Errorf(api.ForeignFile, "read", "the file "+path, "it is not there, and %s is: nothing says whose that is", names[0])
	}
	return owned.Write(s.host.Disk, path, s.owner(), nil)
}

// newer tells a database of a later version of Pebble from what else may be wrong with it.
func newer(err error) error {
	if strings.Contains(err.Error(), "unknown format major version") {
		return api.Errorf(api.FutureFile, "read", "the folder "+folder, "%s", err)
	}
	return err
}
