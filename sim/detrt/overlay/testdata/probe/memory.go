package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return nil
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) size() int {
	if t == nil {
		return 0
	}
	return 1 + t.left.size() + t.right.size()
}

// collect makes garbage and keeps some, through collections asked for and not.
func collect() {
	kept := grow(12)
	for range 1000 {
		grow(12)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println(kept.size(), m.NumGC > 5)
}

// garbage does the same work under a collector of the given eagerness; its own clock and its
// scheduling must not show which.
func garbage() {
	percent, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	debug.SetGCPercent(percent)
	results := make(chan int)
	for i := range 40 {
		go func() {
			for j := range 30 {
				results <- i*100 + grow(8+i%4).size() + j
				time.Sleep(time.Duration(i) * time.Microsecond)
			}
		}()
	}
	sum := 0
	for i := range 40 * 30 {
		sum = sum*31 + i ^ <-results
	}
	fmt.Println(sum)
}

// scavenge gives a lot of memory back and does nothing afterwards.
func scavenge() {
	big := make([][]byte, 64)
	for i := range big {
		big[i] = make([]byte, 1<<20)
		for j := 0; j < len(big[i]); j += 4096 {
			big[i][j] = 1
		}
	}
	big = nil
	runtime.GC()
	runtime.GC()
	fmt.Println("quiet")
	select {}
}
