package main

import (
	"fmt"
	"iter"
	"runtime"
	"time"
)

// cpus says how many CPUs the program believes to have.
func cpus() {
	runtime.GOMAXPROCS(4)
	fmt.Println(runtime.NumCPU(), runtime.GOMAXPROCS(0))
}

// lock lets goroutines that hold their threads talk to others that do not.
func lock() {
	a, b := make(chan int), make(chan int)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for n := range a {
			time.Sleep(time.Millisecond)
			b <- n + 1
		}
		close(b)
	}()
	sum := 0
	for i := range 10 {
		a <- i
		sum += <-b
	}
	close(a)
	<-b
	fmt.Println(sum)
}

// coroutine makes an iterator while another goroutine holds its thread, and uses it after.
func coroutine() {
	locked, unlock := make(chan bool), make(chan bool)
	go func() {
		runtime.LockOSThread()
		locked <- true
		<-unlock
		runtime.UnlockOSThread()
		locked <- false
	}()
	<-locked
	next, stop := iter.Pull(func(yield func(int) bool) { _ = yield(1) && yield(2) })
	defer stop()
	next()
	unlock <- true
	<-locked
	n, _ := next()
	fmt.Println(n)
}
