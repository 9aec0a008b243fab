package main

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// random prints what is random in every program.
func random() {
	m := map[int]bool{}
	for i := range 12 {
		m[i] = true
	}
	for i := range m {
		fmt.Print(i, " ")
	}
	fmt.Println(rand.Uint64(), crand.Text())
}

// hash prints the order of a map, which follows from the hashes of its keys.
func hash() {
	m := map[string]bool{}
	for i := range 40 {
		m[fmt.Sprint(i)] = true
	}
	for key := range m {
		fmt.Print(key, " ")
	}
	fmt.Println()
}

// selects prints which of three ready channels a select took, with collections in between or not.
func selects() {
	debug.SetGCPercent(-1)
	var c [3]chan int
	for i := range c {
		c[i] = make(chan int, 1)
	}
	var line []byte
	for i := range 60 {
		for _, c := range c {
			select {
			case c <- i:
			default:
			}
		}
		if os.Args[2] == "collect" {
			deep(i, runtime.GC)
		}
		select {
		case <-c[0]:
			line = append(line, 'a')
		case <-c[1]:
			line = append(line, 'b')
		case <-c[2]:
			line = append(line, 'c')
		}
	}
	fmt.Println(string(line))
}

func deep(n int, do func()) {
	if n > 0 {
		deep(n-1, do)
		return
	}
	do()
}

// goroutines prints the order in which goroutines that became runnable together run.
func goroutines() {
	var order []byte
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() { order = append(order, byte('a'+i)) })
	}
	all.Wait()
	fmt.Println(string(order))
}

// preempt counts with eight goroutines that each read, work and write.
func preempt() {
	var n int
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				was := n
				sink = append([]byte(nil), make([]byte, 64)...)
				n = was + 1
			}
		})
	}
	all.Wait()
	fmt.Println(n)
}

var sink []byte

// crowd makes more goroutines runnable at one instant than a local queue holds, under a collector
// of the given eagerness, and prints the order in which they run.
func crowd() {
	percent := 100
	fmt.Sscan(os.Args[2], &percent)
	debug.SetGCPercent(percent)
	const many = 50_000
	start := make(chan bool)
	sum, rank := uint64(14695981039346656037), 0
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			<-start
			grow(4)
			sum = (sum ^ uint64(i)) * 1099511628211
			rank++
			time.Sleep(time.Millisecond)
			grow(3)
			sum = (sum ^ uint64(i)) * 1099511628211
		})
	}
	close(start)
	all.Wait()
	fmt.Println(rank, sum)
}
