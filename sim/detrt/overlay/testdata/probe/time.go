package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"picloud/sim/detrt"
)

// clock says what time it is, sleeps, and says how long that took.
func clock() {
	start := time.Now()
	fmt.Println(start.UTC().Format(time.RFC3339))
	time.Sleep(3 * time.Second)
	fmt.Println(time.Since(start).Round(time.Millisecond))
	fmt.Println(time.Now().UTC().Format(time.RFC3339))
}

// since waits for time to pass without letting anybody else run.
func since() {
	for start := time.Now(); time.Since(start) < time.Microsecond; {
	}
	fmt.Println("time passes")
}

// busy never waits, and expects a timer to come through all the same.
func busy() {
	start, rung := time.Now(), false
	time.AfterFunc(5*time.Millisecond, func() { rung = true })
	for !rung {
		detrt.Charge(100 * time.Microsecond)
		runtime.Gosched()
	}
	fmt.Println(time.Since(start).Round(2 * time.Millisecond))
}

// timers prints the order in which timers of one instant run.
func timers() {
	var order []byte
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			time.Sleep(time.Millisecond)
			order = append(order, byte('a'+i))
		})
	}
	all.Wait()
	fmt.Println(string(order))
}

// charge uses CPU time in the program's only turn.
func charge() { detrt.Charge(500 * time.Microsecond) }

// slices lets two goroutines take turns, which costs CPU time.
func slices() {
	a, b := make(chan bool), make(chan bool)
	go func() {
		for range a {
			b <- true
		}
	}()
	start := time.Now()
	for range 1000 {
		a <- true
		<-b
	}
	time.Sleep(1)
	fmt.Println(time.Since(start) > 2*time.Millisecond)
}
