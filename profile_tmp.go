package main

import (
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"
)

func init() {
	dir := os.Getenv("PICLOUD_PROFILE")
	if dir == "" {
		return
	}
	kind := "x"
	for _, a := range os.Args {
		if a == "node" {
			kind = "node"
		}
		if strings.HasPrefix(a, "-drive") {
			kind = "drive"
		}
	}
	go func() {
		time.Sleep(4 * time.Second)
		f, _ := os.Create(fmt.Sprintf("%s/%s-%d.prof", dir, kind, os.Getpid()))
		pprof.StartCPUProfile(f)
		time.Sleep(6 * time.Second)
		pprof.StopCPUProfile()
		f.Close()
	}()
}
