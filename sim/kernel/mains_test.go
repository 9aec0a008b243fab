package kernel_test

import (
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/sim/channel"
	"picloud/sim/detrt"
	"picloud/sim/kernel/testdata/thirdparty"
	"picloud/sim/machine"
	"picloud/sim/simtest"
)

func TestMain(m *testing.M) {
	if simulate := simulators[os.Getenv(envSimulator)]; simulate != nil && !detrt.On() {
		simulate()
		return
	}
	simtest.Main(m, simtest.Mains{
		"ticker":    ticker,
		"panics":    func(*machine.Port) { time.Sleep(time.Second); panic("the sky falls") },
		"exits":     func(*machine.Port) { time.Sleep(time.Second); os.Exit(7) },
		"spins":     func(*machine.Port) { spin() },
		"blocks":    func(*machine.Port) { syscall.Nanosleep(&syscall.Timespec{Sec: 60}, nil) },
		"escapes":   func(*machine.Port) { thirdparty.Calls[os.Getenv("CALL")]() },
		"sleeps":    func(*machine.Port) { select {} },
		"varied":    varied,
		"clocks":    clocks,
		"works":     works,
		"toils":     toils,
		"grows":     grows,
		"beats":     beats,
		"echoes":    echoes,
		"oversized": oversized,
		"parent":    parent,
		"child":     func(*machine.Port) { end() },
		"pingpong":  pingpong,
		"allocates": allocates,
		"talks":     talks,
		"raftTicks": func(p *machine.Port) { raftTicks(p) },
		"raftWorks": raftWorks,
		"encodes":   encodes,
		"races":     races,
		"hashes":    hashes,
		"hurries":   hurries,
		"leaves":    leaves,
	})
}

// hashes records of each core whether SHA-256 is right there, and then without a wish.
func hashes(p *machine.Port) {
	cores := machine.NewCores(p)
	var all sync.WaitGroup
	right := make([]bool, cores.Count())
	for i := range right { // all at once: a process has one core at a time
		all.Go(func() {
			err := cores.On(i, func() {
				right[i] = hex.EncodeToString(sum("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
			})
			if err != nil {
				say(p, err)
			}
		})
	}
	all.Wait()
	say(p, right)
}

func sum(text string) []byte {
	s := sha256.Sum256([]byte(text))
	return s[:]
}

// say records a line.
func say(p *machine.Port, args ...any) { p.Record(fmt.Append(nil, args...)) }

// ticker records the time of each of a few ticks.
func ticker(p *machine.Port) {
	start := time.Now()
	for range time.Tick(100 * time.Millisecond) {
		say(p, time.Since(start).Round(time.Millisecond))
		if time.Since(start) > 450*time.Millisecond {
			return
		}
	}
}

//go:noinline
func spin() {
	//lint:ignore SA5002 spinning is the point
	for {
	}
}

// varied does what programs do, and leaves much to chance: goroutines, maps, select, timers and
// random numbers.
func varied(p *machine.Port) {
	words, done := make(chan string), make(chan bool)
	for i := range 5 {
		go func() {
			for range 20 {
				time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
				words <- strconv.Itoa(i)
			}
			done <- true
		}()
	}
	counts, order := map[string]int{}, ""
	tick := time.NewTicker(3 * time.Millisecond)
	for left := 5; left > 0; {
		select {
		case w := <-words:
			counts[w]++
			order += w
		case <-tick.C:
			order += "."
		case <-done:
			left--
		}
	}
	for w, n := range counts {
		order += fmt.Sprint(" ", w, ":", n)
	}
	say(p, order, " ", crand.Text(), " ", rand.Uint64(), " ", time.Now().UnixNano())
}

// clocks records when each way of waiting for a second is over.
func clocks(p *machine.Port) {
	var all sync.WaitGroup
	all.Go(func() { time.Sleep(time.Second); say(p, "sleep") })
	all.Go(func() { <-time.NewTicker(time.Second).C; say(p, "ticker") })
	all.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		<-ctx.Done()
		say(p, "context")
	})
	all.Go(func() { <-time.After(time.Second); say(p, "after") })
	all.Wait()
	say(p, "wall ", time.Now().UTC().Format(time.RFC3339Nano))
}

// raftTicks records when a lone raft node has elected itself.
func raftTicks(p *machine.Port) *raft.Raft {
	c := raft.DefaultConfig()
	c.LocalID, c.LogOutput = "a", io.Discard
	addr, transport := raft.NewInmemTransport("")
	store := raft.NewInmemStore()
	snapshots := raft.NewInmemSnapshotStore()
	servers := raft.Configuration{Servers: []raft.Server{{ID: "a", Address: addr}}}
	if err := raft.BootstrapCluster(c, store, store, snapshots, transport, servers); err != nil {
		panic(err)
	}
	r, err := raft.NewRaft(c, &raft.MockFSM{}, store, store, snapshots, transport)
	if err != nil {
		panic(err)
	}
	<-r.LeaderCh()
	say(p, "raft")
	return r
}

// raftWorks has a lone raft node apply as many commands as N says.
func raftWorks(p *machine.Port) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	r := raftTicks(p)
	for range n {
		if err := r.Apply(make([]byte, 200), time.Second).Error(); err != nil {
			panic(err)
		}
	}
}

// encodes passes as many documents as N says from one goroutine to another as JSON.
func encodes(p *machine.Port) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	type document struct {
		ID   int
		Name string
		Tags []string
		Body map[string]int
	}
	texts := make(chan []byte)
	go func() {
		for i := range n {
			d := document{i, "a name", []string{"one", "two"}, map[string]int{"likes": i, "views": 7}}
			text, _ := json.Marshal(d)
			texts <- text
		}
		close(texts)
	}()
	for text := range texts {
		var d document
		if err := json.Unmarshal(text, &d); err != nil {
			panic(err)
		}
	}
}

// works uses 10 ms of CPU time in each of as many goroutines as WORKERS says.
func works(p *machine.Port) {
	workers, _ := strconv.Atoi(os.Getenv("WORKERS"))
	p.Handle(channel.ClassBoard, func(channel.Frame) { say(p, "mail") })
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range 100 {
				detrt.Charge(100 * time.Microsecond)
				runtime.Gosched()
			}
		})
	}
	all.Wait()
	say(p, "done")
}

// toils makes an effort of 100 ms beside somebody who says something every 10 ms.
func toils(p *machine.Port) {
	go func() {
		for {
			time.Sleep(10 * time.Millisecond)
			say(p, "beat")
		}
	}()
	if n := (machine.Effort{}).Rounds(100_000, time.Microsecond); n > 10 {
		panic("it does all the work")
	}
	say(p, "done")
	os.Exit(0)
}

// hurries says something after each millisecond of work, beside a goroutine that always works, and ends.
func hurries(p *machine.Port) {
	go func() {
		for {
			detrt.Charge(time.Millisecond)
			runtime.Gosched()
		}
	}()
	for i := range 8 {
		detrt.Charge(time.Millisecond)
		say(p, i)
		runtime.Gosched()
	}
	say(p, "ends")
	end()
}

// leaves says that it leaves, and does so after 50 ms of work.
func leaves(p *machine.Port) {
	say(p, "leaves")
	detrt.Charge(50 * time.Millisecond)
	os.Exit(5)
}

// grows keeps a mebibyte more every millisecond.
func grows(p *machine.Port) {
	var kept [][]byte
	for {
		kept = append(kept, make([]byte, 1<<20))
		runtime.KeepAlive(kept)
		time.Sleep(time.Millisecond)
	}
}

// beats records a beat every 100 ms.
func beats(p *machine.Port) {
	for i := 0; ; i++ {
		say(p, i, " ", time.Now().UTC().Format("05.000"))
		time.Sleep(100 * time.Millisecond)
	}
}

// echoes sends more than fits into one delivery to the board, which sends all of it back.
func echoes(p *machine.Port) {
	n, _ := strconv.Atoi(os.Getenv("FRAMES"))
	got := make(chan channel.Frame, n)
	p.Handle(channel.ClassBoard, func(f channel.Frame) { f.Data = nil; got <- f })
	for i := range n {
		p.Send(channel.Frame{Class: channel.ClassBoard, ID: uint64(i), Data: make([]byte, channel.MaxData)})
	}
	for i := range n {
		if f := <-got; f.ID != uint64(i) {
			panic(fmt.Sprint("frame ", f.ID, " came in place of ", i))
		}
	}
	say(p, "all came back in order")
}

// oversized sends a frame that is over the limit.
func oversized(p *machine.Port) {
	p.Send(channel.Frame{Class: channel.ClassBoard, Data: make([]byte, channel.MaxData+1)})
}

// parent starts children of each kind and says how they ended.
func parent(p *machine.Port) {
	s := machine.NewProcesses(p)
	self, _ := strconv.Unquote(os.Getenv("SELF"))
	start := func(how string) host.Process {
		child, err := s.Start(host.Program{Path: self, Env: map[string]string{"PICLOUD_TEST_MAIN": "child", "HOW": how}})
		if err != nil {
			panic(err)
		}
		return child
	}
	ctx := context.Background()
	for _, how := range []string{"returns", "exits", "panics"} {
		status, err := start(how).Wait(ctx)
		say(p, how, " ", status, " ", err)
	}
	sleeps := start("sleeps")
	time.Sleep(time.Millisecond)
	say(p, "kill ", sleeps.End(0))
	status, err := sleeps.Wait(ctx)
	say(p, "sleeps ", status, " ", err)
	say(p, "kill again ", sleeps.End(0))
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = start("sleeps").Wait(short)
	say(p, "waiting ", err)
	_, err = s.Start(host.Program{Path: "/nowhere"})
	say(p, "nowhere ", err != nil)
}

// end ends the process in the way that HOW says.
func end() {
	switch os.Getenv("HOW") {
	case "exits":
		os.Exit(5)
	case "panics":
		panic("a child's sky falls")
	case "sleeps":
		select {}
	}
}

// pingpong lets two goroutines hand a value to and fro, as often as N says, and ends.
func pingpong(p *machine.Port) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	a := make(chan bool)
	go func() {
		for range a {
		}
	}()
	for range n {
		a <- true
	}
}

// allocates allocates as many KiB as N says, in pieces of SIZE bytes, and ends.
func allocates(p *machine.Port) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	size, _ := strconv.Atoi(os.Getenv("SIZE"))
	var keep [64][]byte
	for i := range n << 10 / size {
		keep[i%64] = make([]byte, size)
	}
	runtime.KeepAlive(keep)
}

// talks sends as many frames as N says, of SIZE bytes, to the board, which sends them back, one
// at a time or BURST at a time.
func talks(p *machine.Port) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	size, _ := strconv.Atoi(os.Getenv("SIZE"))
	burst, _ := strconv.Atoi(os.Getenv("BURST"))
	back := make(chan bool, burst)
	p.Handle(channel.ClassBoard, func(channel.Frame) { back <- true })
	f := channel.Frame{Class: channel.ClassBoard, Data: make([]byte, size)}
	for i := 0; i < n; i += burst {
		for range burst {
			p.Send(f)
		}
		for range burst {
			<-back
		}
	}
}

// races has two goroutines write one variable without an order between them.
func races(p *machine.Port) {
	n := 0
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { n++; time.Sleep(time.Millisecond); n++ })
	}
	all.Wait()
	say(p, n)
}
