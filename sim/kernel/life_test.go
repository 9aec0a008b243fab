package kernel_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"picloud/sim/channel"
	"picloud/sim/kernel"
	"picloud/sim/simtest"
)

// watcher is a device that counts the processes which it is told have gone.
type watcher struct{ gone int }

func (w *watcher) Handle(channel.Guest, channel.Frame) {}
func (w *watcher) Gone(channel.Guest)                  { w.gone++ }

func TestAKillIsHeardAndAPowerCutIsSilent(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1, FreeCPU: true})
	w := &watcher{}
	m := add(t, k, one("pi-1"), "beats")
	m.Attach(channel.ClassBoard, w)
	start(t, m, "sleeps")
	simtest.Run(t, k, time.Second)
	m.Kill()
	if w.gone != 2 || len(m.Processes()) != 0 || !m.On() {
		t.Errorf("after a kill %d processes are known to be gone, %d live", w.gone, len(m.Processes()))
	}
	start(t, m, "beats")
	simtest.Run(t, k, 50*time.Millisecond)
	m.PowerOff()
	if w.gone != 2 || len(m.Processes()) != 0 || m.On() {
		t.Errorf("after a power cut %d processes are known to be gone, %d live", w.gone, len(m.Processes()))
	}
	said := len(d.lines)
	simtest.Run(t, k, time.Second)
	if len(d.lines) != said || len(k.Deaths()) != 0 {
		t.Errorf("without power it said %q, and deaths are %v", d.lines[said:], k.Deaths())
	}
	m.PowerOn()
	start(t, m, "beats")
	simtest.Run(t, k, 50*time.Millisecond)
	if got := d.lines[said:]; len(got) != 1 || got[0] != "0 02.050" {
		t.Errorf("after the power came back it said %q", got)
	}
}

func TestAPausedMachineFindsThatTimeHasPassed(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1, FreeCPU: true})
	m := add(t, k, one("pi-1"), "beats")
	k.Loop.After(250*time.Millisecond, m.Pause)
	k.Loop.After(750*time.Millisecond, m.Resume)
	simtest.Run(t, k, time.Second)
	want := "0 00.000|1 00.100|2 00.200|3 00.750|4 00.850|5 00.950"
	if d.all() != want || m.Withheld() != 1 || m.Paused() {
		t.Errorf("it said %s, want %s; %d wake-ups were withheld", d.all(), want, m.Withheld())
	}
	m.Pause()
	m.PowerOff()
	m.PowerOn()
	if m.Paused() {
		t.Error("a pause outlived a power cut")
	}
}

func TestAThousandKillsLeaveNothingBehind(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	m, err := k.AddMachine(one("pi-1"))
	if err != nil {
		t.Fatal(err)
	}
	var files, memory int
	for i := range 1000 {
		start(t, m, "beats")
		simtest.Run(t, k, 10*time.Millisecond)
		if i%2 == 0 {
			m.Kill()
		} else {
			m.PowerOff()
			m.PowerOn()
		}
		if i == 100 {
			files, memory = openFiles(t), resident(t)
		}
	}
	if len(d.lines) != 1000 {
		t.Errorf("%d of 1000 processes ran", len(d.lines))
	}
	if n := openFiles(t); n > files {
		t.Errorf("900 more kills left %d more files open", n-files)
	}
	if n := children(t); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if n := resident(t); n > memory+16<<20 {
		t.Errorf("900 more kills left %d KiB of memory in use", (n-memory)>>10)
	}
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// children counts this process's children, ended ones that nobody waited for among them.
func children(t *testing.T) int {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Skip("this system does not list children")
	}
	n := 0
	for _, list := range lists {
		b, _ := os.ReadFile(list) // a thread may have ended
		n += len(strings.Fields(string(b)))
	}
	return n
}

// resident returns the memory of this process, bytes.
func resident(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// holdMachines runs a kernel with two machines, prints the numbers of their processes, waits for a
// line on its input, and does what ends it.
func holdMachines(end func()) {
	t := &standIn{}
	k := simtest.Kernel(t, kernel.Config{Seed: 1})
	for i := range 2 {
		m := add(t, k, one(fmt.Sprint("pi-", i)), "beats")
		fmt.Println(m.Processes()[0].OSPid())
	}
	simtest.Run(t, k, time.Second)
	bufio.NewReader(os.Stdin).ReadString('\n')
	end()
}

func TestNoProcessOutlivesItsKernel(t *testing.T) {
	simtest.Need(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ends := []struct {
		simulator string
		signal    os.Signal
	}{{"holds", syscall.SIGKILL}, {"holds", os.Interrupt}, {"panics", nil}, {"exits", nil}}
	for _, end := range ends {
		t.Run(fmt.Sprint(end.simulator, " ", end.signal), func(t *testing.T) {
			cmd := exec.Command(self)
			cmd.Env = []string{envSimulator + "=" + end.simulator}
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			var machines []unix.PollFd
			for len(machines) < 2 && lines.Scan() {
				pid, err := strconv.Atoi(lines.Text())
				if err != nil {
					t.Fatalf("the simulator said %q", lines.Text())
				}
				fd, err := unix.PidfdOpen(pid, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(fd)
				machines = append(machines, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
			}
			if n, _ := unix.Poll(machines, 0); n != 0 || len(machines) != 2 {
				t.Fatalf("%d of %d machines have ended before their kernel", n, len(machines))
			}
			fmt.Fprintln(in)
			if end.signal != nil {
				cmd.Process.Signal(end.signal)
			}
			cmd.Wait()
			for i := range machines {
				if n, err := unix.Poll(machines[i:i+1], 10_000); n != 1 {
					t.Errorf("machine %d lives on: %v", i, err)
				}
			}
		})
	}
}
