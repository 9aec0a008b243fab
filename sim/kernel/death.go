package kernel

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"

	"picloud/sim/event"
)

// Death is the end of a process that nobody asked for.
type Death struct {
	Machine string
	Process string // its label
	Child   bool   // another process had started it
	At      event.Time
	Status  int    // exit status, or -1 for a signal
	Reason  string // one line
	Stack   string // what it printed last, without addresses; empty for a clean exit
	Escaped string // the system call and its caller, if it tried one that the simulator does not serve
}

// leave lets a process that has had its last turn end when the CPU work before that is done: what it sent in earlier turns takes
// effect first. Until then somebody else may end it.
func (p *Process) leave(out []byte, hung bool) {
	p.leaving, p.hung = true, hung
	p.kernel.Loop.Stop(p.wake)
	p.wake = nil
	p.kernel.Loop.At(p.release, func() {
		p.deliver(out)
		p.finish()
	})
}

// finish takes a process out of the run that ended by itself, or that the kernel made end because
// it kept its turn. In a pause that waits, as what it sent does.
func (p *Process) finish() {
	if !p.alive { // what it sent last may have crashed its machine
		return
	}
	if p.overdue = p.machine.paused; p.overdue {
		return
	}
	state := p.wait()
	if ws, is := state.Sys().(syscall.WaitStatus); is && ws.Signal() == syscall.SIGKILL && !p.hung { // the simulator's own kills do not come here
		p.kernel.Fail(fmt.Errorf("kernel: %s was killed from outside: this machine may be short of memory", p.label))
	}
	d := p.death(p.kernel.Now(), state, p.output())
	if p.hung {
		d.Reason = "kept its turn and was ended: " + d.Reason
	}
	p.remove()
	p.gone(d.Status)
	p.kernel.die(d)
}

// outOfMemory ends a process because the heaps of its machine no longer fit.
func (p *Process) outOfMemory(now event.Time) {
	d := Death{Machine: p.machine.Name, Process: p.label, Child: p.parent != nil, At: now, Status: -1,
		Reason: fmt.Sprintf("out of memory: a heap of %d bytes over the machine's limit of %d", p.heap, p.machine.memory)}
	p.machine.killed++
	p.end()
	p.gone(d.Status)
	p.kernel.die(d)
}

// death describes the end of a process from its status and from what it printed.
func (p *Process) death(now event.Time, state *os.ProcessState, output string) Death {
	d := Death{Machine: p.machine.Name, Process: p.label, Child: p.parent != nil, At: now, Status: state.ExitCode(), Stack: scrub(output)}
	d.Reason = fmt.Sprintf("exit status %d", d.Status)
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		d.Reason = "signal " + ws.Signal().String()
	}
	for _, line := range strings.Split(d.Stack, "\n") {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "SIG") {
			d.Reason = line
			break
		}
	}
	if _, report, found := strings.Cut(d.Stack, "WARNING: DATA RACE\n"); found {
		d.Reason = "data race: " + racer(report)
	}
	if strings.Contains(output, "SIGSYS: bad system call") {
		d.Escaped = caller(output)
		d.Reason = "system call that the simulator does not serve: " + d.Escaped
	}
	return d
}

var (
	addresses = regexp.MustCompile(`\+0x[0-9a-f]+|0x[0-9a-f]+\??|goroutine \d+( gp=\S+ m=\S+)?( mp=\S+)?| in goroutine \d+`)
	registers = regexp.MustCompile(`(?m)^(r[a-z0-9]{1,4}|e?flags|[cfg]s|lr|sp|pc|fault) +0x.*\n`)
)

// scrub takes what differs between machines out of a stack: addresses, registers, numbers of
// goroutines.
func scrub(output string) string {
	const most = 16 << 10
	output = registers.ReplaceAllString(output, "")
	output = addresses.ReplaceAllStringFunc(output, func(s string) string {
		if strings.HasPrefix(s, "goroutine") {
			return "goroutine"
		}
		return ""
	})
	if len(output) > most {
		output = output[:most] + "\n…\n"
	}
	return output
}

// caller names the function of the program that made a system call, from the stack that the
// runtime printed: the first frame that is not the standard library's, and what it called there.
func caller(output string) string {
	lines := strings.Split(output, "\n")
	called := "a system call"
	for i := 0; i+1 < len(lines); i++ {
		end := strings.LastIndex(lines[i], "(")
		if end < 0 || !strings.HasPrefix(lines[i+1], "\t") {
			continue
		}
		name := lines[i][:end]
		if standard(name) {
			called = name
			continue
		}
		where, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " ")
		return fmt.Sprintf("%s, called by %s (%s)", called, name, where)
	}
	return called + ", caller unknown"
}

// racer names the function of the program that ran into a data race, from the detector's report.
func racer(report string) string {
	for _, line := range strings.Split(report, "\n") {
		name, isFrame := strings.CutSuffix(strings.TrimSpace(line), "()")
		if isFrame && !standard(name) {
			return name
		}
	}
	return "function unknown"
}

// standardTrees are the first elements of the import paths of the standard library.
const standardTrees = " archive bufio bytes compress container context crypto database debug encoding errors expvar " +
	"flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime " +
	"slices sort strconv strings sync syscall testing text time unicode unique vendor weak "

// standard tells whether a function is the standard library's.
func standard(function string) bool {
	tree, _, _ := strings.Cut(function, ".")
	tree, _, _ = strings.Cut(tree, "/")
	return strings.Contains(standardTrees, " "+tree+" ")
}

// output returns what the process wrote to standard output and error.
func (p *Process) output() string {
	b, err := io.ReadAll(io.NewSectionReader(p.out, 0, 1<<20))
	if err != nil {
		return ""
	}
	return string(b)
}

// Output returns what the process has written to standard output and error so far.
func (p *Process) Output() string {
	if !p.alive {
		return ""
	}
	return p.output()
}

// parseProgram reads what a process wants started on its machine.
func parseProgram(data []byte) (Program, error) {
	var prog Program
	err := json.Unmarshal(data, &prog)
	return prog, err
}
