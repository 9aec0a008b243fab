//go:build !linux || !(arm64 || amd64)

// Package pi has the parts of a real machine, on 64-bit Linux.
package pi

import (
	"fmt"
	"runtime"

	"picloud/hw"
)

// Open says that the parts of other systems are not known.
func Open(Config) (hw.Parts, error) {
	return nil, &hw.Error{Kind: hw.Absent, Doing: "open", What: "the machine's parts",
		Err: fmt.Errorf("they are known of Linux on arm64 and amd64, and this is %s on %s", runtime.GOOS, runtime.GOARCH)}
}
