package emulated

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Modules returns the files of kernel modules below a folder and of those that they need, each after what it needs itself: the order in
// which a kernel takes them. A name may be written with dashes or underscores.
func Modules(folder string, names ...string) ([]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if name, is := strings.CutSuffix(filepath.Base(path), ".ko"); is {
			files[moduleName(name)] = path
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("emulated: look for kernel modules: %w", err)
	}
	return order(names, func(name string) (string, []string, error) {
		path, is := files[name]
		if !is {
			return "", nil, fmt.Errorf("emulated: there is no kernel module %s in %s", name, folder)
		}
		needs, err := moduleNeeds(path)
		return path, needs, err
	})
}

func moduleName(name string) string { return strings.ReplaceAll(name, "-", "_") }

// order returns the files of modules, each after those that it needs. The function look says of a module where it is and what it needs.
func order(names []string, look func(name string) (path string, needs []string, err error)) ([]string, error) {
	var files, above []string
	done := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		name = moduleName(name)
		if slices.Contains(above, name) {
			return fmt.Errorf("emulated: kernel modules need one another: %s", strings.Join(append(above, name), " "))
		}
		if done[name] {
			return nil
		}
		path, needs, err := look(name)
		if err != nil {
			return err
		}
		above = append(above, name)
		for _, n := range needs {
			if err := visit(n); err != nil {
				return err
			}
		}
		above = above[:len(above)-1]
		files, done[name] = append(files, path), true
		return nil
	}
	for _, n := range names {
		if err := visit(n); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// moduleNeeds reads from a module which others it needs.
func moduleNeeds(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("emulated: open the kernel module %s: %w", path, err)
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("emulated: %s is no kernel module: it has no section .modinfo", path)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("emulated: read what the kernel module %s needs: %w", path, err)
	}
	return needsIn(info), nil
}

// needsIn finds what a module needs in its .modinfo: key=value strings, each with a zero byte at its end.
func needsIn(modinfo []byte) []string {
	for _, entry := range bytes.Split(modinfo, []byte{0}) {
		if list, is := strings.CutPrefix(string(entry), "depends="); is && list != "" {
			return strings.Split(list, ",")
		}
	}
	return nil
}
