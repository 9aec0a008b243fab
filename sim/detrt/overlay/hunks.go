package overlay

import "picloud/sim/channel"

// hunk is one edit of a file of the standard library. The text it replaces must stand in the
// file exactly once, or the build fails with the file and the text named.
type hunk struct {
	file string // below GOROOT/src
	why  string
	old  string
	new  string
}

// hunks lists every edit. Each is inert in a process that does not run on a simulated machine
// (simOn is false), so a binary built with the overlay is also an ordinary one.
var hunks = []hunk{
	// Start: before anything asks for time, randomness or CPUs.
	{"runtime/runtime1.go", "find out first of all whether this process is a machine's, and wait for the first turn",
		"\targv = v\n\tsysargs(c, v)\n",
		"\targv = v\n\tsysargs(c, v)\n\tsimEnter()\n"},
	{"runtime/proc.go", "no system call outside the list, from before the program's packages are initialised",
		"\tgcenable()\n\tdefaultGOMAXPROCSUpdateEnable()",
		"\tgcenable()\n\tif simOn {\n\t\tsimConfine()\n\t}\n\tdefaultGOMAXPROCSUpdateEnable()"},
	{"runtime/proc.go", "tell the kernel of the end of main",
		"\t\tracefini() // does not return\n\t}\n\n\texit(0)\n",
		"\t\tracefini() // does not return\n\t}\n\n\tsimExit(0)\n\texit(0)\n"},
	{"runtime/proc.go", "tell the kernel of os.Exit",
		"func os_beforeExit(exitCode int) {\n\trunExitHooks(exitCode)\n",
		"func os_beforeExit(exitCode int) {\n\trunExitHooks(exitCode)\n\tsimExit(exitCode)\n"},

	// Time comes from the kernel.
	{"runtime/time_nofake.go", "monotonic time",
		"func nanotime() int64 {\n\treturn nanotime1()\n",
		"func nanotime() int64 {\n\tif simOn {\n\t\treturn simClock\n\t}\n\treturn nanotime1()\n"},
	{"runtime/timestub.go", "wall time (arm64)",
		"\tsec, nsec = walltime()\n\treturn sec, nsec, nanotime()\n",
		"\tif simOn {\n\t\treturn simNow()\n\t}\n\tsec, nsec = walltime()\n\treturn sec, nsec, nanotime()\n"},
	{"runtime/timeasm.go", "wall time (amd64): the assembly serves real time under another name",
		"//go:linkname time_now time.now\nfunc time_now() (sec int64, nsec int32, mono int64)\n",
		"//go:linkname time_now time.now\nfunc time_now() (sec int64, nsec int32, mono int64) {\n\tif simOn {\n\t\treturn simNow()\n\t}\n\treturn simRealNow()\n}\n\nfunc simRealNow() (sec int64, nsec int32, mono int64)\n"},
	{"runtime/time_linux_amd64.s", "the name that real time has on amd64",
		"TEXT time·now<ABIInternal>(SB)", "TEXT ·simRealNow<ABIInternal>(SB)"},
	{"runtime/time.go", "time.Since and friends advance the clock too",
		"\t\treturn gp.bubble.now\n\t}\n\treturn nanotime()\n",
		"\t\treturn gp.bubble.now\n\t}\n\tif simOn {\n\t\tsimClock++\n\t}\n\treturn nanotime()\n"},
	{"runtime/lock_futex.go", "nothing can run: hand over to the kernel until the next timer or mail",
		"func beforeIdle(int64, int64) (*g, bool) {\n\treturn nil, false\n}",
		"func beforeIdle(_, pollUntil int64) (*g, bool) {\n\tif simOn {\n\t\treturn simHandOver(pollUntil, 0), true\n\t}\n\treturn nil, false\n}"},
	{"runtime/proc.go", "a process that has used up its quantum of CPU time hands over while still busy",
		"\t// now and pollUntil are saved for work stealing later,\n",
		"\tif simOverdue() {\n\t\tif gp := simHandOver(nanotime(), simRunnable(pp)); gp != nil {\n\t\t\tcasgstatus(gp, _Gwaiting, _Grunnable)\n\t\t\treturn gp, false, false\n\t\t}\n\t}\n\n\t// now and pollUntil are saved for work stealing later,\n"},
	{"runtime/netpoll.go", "no poller: its descriptors would be real",
		"func netpollGenericInit() {\n\tif netpollInited.Load() == 0 {\n",
		"func netpollGenericInit() {\n\tif netpollInited.Load() == 0 && !simOn {\n"},

	// One thread.
	{"runtime/proc.go", "no sysmon (the machine's process decides at start)",
		"const haveSysmon = GOARCH != \"wasm\"",
		"var haveSysmon = GOARCH != \"wasm\""},
	{"runtime/proc.go", "one P, whatever the environment says",
		"\tif procresize(procs) != nil {\n\t\tthrow(\"unknown runnable goroutine during bootstrap\")",
		"\tif simOn {\n\t\tprocs = 1\n\t\tsched.customGOMAXPROCS = true\n\t}\n\tif procresize(procs) != nil {\n\t\tthrow(\"unknown runnable goroutine during bootstrap\")"},
	{"runtime/debug.go", "one P for ever",
		"\tret := int(gomaxprocs)\n\tif n <= 0 {\n",
		"\tret := int(gomaxprocs)\n\tif n <= 0 || simOn {\n"},
	{"runtime/os_linux.go", "the number of real CPUs does not show",
		"\tnumCPUStartup = getCPUCount()\n",
		"\tnumCPUStartup = getCPUCount()\n\tif simOn {\n\t\tnumCPUStartup = 1\n\t}\n"},
	{"runtime/proc.go", "no template thread",
		"func startTemplateThread() {\n\tif GOARCH == \"wasm\" { // no threads on wasm yet\n",
		"func startTemplateThread() {\n\tif GOARCH == \"wasm\" || simOn {\n"},
	{"runtime/proc.go", "LockOSThread is a label: there is one thread",
		"func dolockOSThread() {\n\tif GOARCH == \"wasm\" {\n",
		"func dolockOSThread() {\n\tif GOARCH == \"wasm\" || simOn {\n"},
	{"runtime/proc.go", "UnlockOSThread likewise",
		"func dounlockOSThread() {\n\tif GOARCH == \"wasm\" {\n",
		"func dounlockOSThread() {\n\tif GOARCH == \"wasm\" || simOn {\n"},

	// Collector: inside the allocation that triggers it.
	{"runtime/mgc.go", "no background mark workers",
		"\tgcBgMarkStartWorkers()\n\n\tsystemstack(gcResetMarkState)",
		"\tif !simOn {\n\t\tgcBgMarkStartWorkers()\n\t}\n\n\tsystemstack(gcResetMarkState)"},
	{"runtime/mgc.go", "the collection blocks its allocation",
		"\t// Ok, we're doing it! Stop everybody else\n\tsemacquire(&gcsema)",
		"\tif simOn {\n\t\tmode = gcForceBlockMode\n\t}\n\n\t// Ok, we're doing it! Stop everybody else\n\tsemacquire(&gcsema)"},
	{"runtime/mgc.go", "nobody else collects, so goroutines stay schedulable",
		"\tif mode != gcBackgroundMode {\n\t\tschedEnableUser(false)\n",
		"\tif mode != gcBackgroundMode && !simOn {\n\t\tschedEnableUser(false)\n"},
	{"runtime/mgc.go", "mark here and now",
		"\tif mode != gcBackgroundMode {\n\t\tGosched()\n",
		"\tif simOn {\n\t\tsimCollect()\n\t} else if mode != gcBackgroundMode {\n\t\tGosched()\n"},
	{"runtime/mgcscavenge.go", "the background scavenger measures real time: keep it parked",
		"\t\treleased, workTime := scavenger.run()\n",
		"\t\tif simOn {\n\t\t\tscavenger.park()\n\t\t\tcontinue\n\t\t}\n\t\treleased, workTime := scavenger.run()\n"},

	// Randomness and order.
	{"runtime/rand.go", "the runtime's generator starts from the seed",
		"\tglobalRand.state.Init(*seed)\n\tclear(seed[:])\n\n\tif startupRand",
		"\tif simOn {\n\t\tsimSeed(seed[:])\n\t}\n\tglobalRand.state.Init(*seed)\n\tclear(seed[:])\n\n\tif startupRand"},
	{"runtime/alg.go", "hashes do not depend on the CPU's AES instructions (amd64)",
		"\t\tcpu.X86.HasAES && // AESENC\n",
		"\t\t!simOn && cpu.X86.HasAES && // AESENC\n"},
	{"runtime/alg.go", "hashes do not depend on the CPU's AES instructions (arm64)",
		"\tif GOARCH == \"arm64\" && cpu.ARM64.HasAES {",
		"\tif GOARCH == \"arm64\" && cpu.ARM64.HasAES && !simOn {"},
	{"crypto/internal/sysrand/rand.go", "crypto/rand draws from the runtime's generator",
		"var testingOnlyFailRead bool\n",
		"// simRead is pushed by the runtime.\n//\n//go:linkname simRead\nfunc simRead([]byte) bool\n\nvar testingOnlyFailRead bool\n"},
	{"crypto/internal/sysrand/rand.go", "and never from the system",
		"func Read(b []byte) {\n",
		"func Read(b []byte) {\n\tif simRead(b) {\n\t\treturn\n\t}\n"},
	{"runtime/select.go", "the order in which select looks has the scheduler's stream",
		"\t\tj := cheaprandn(uint32(norder + 1))\n",
		"\t\tvar j uint32\n\t\tif simOn {\n\t\t\tj = simRandn(uint32(norder + 1))\n\t\t} else {\n\t\t\tj = cheaprandn(uint32(norder + 1))\n\t\t}\n"},
	{"runtime/time.go", "timers due at the same instant run in seeded order",
		"\t\tif t.isFake {\n\t\t\t// Re-randomize timer order.\n",
		"\t\tif t.isFake || simOn {\n\t\t\t// Re-randomize timer order.\n"},
	{"runtime/proc.go", "the race detector's shuffles are for every build (the machine's process decides at start)",
		"const randomizeScheduler = raceenabled",
		"var randomizeScheduler = raceenabled"},
	{"runtime/proc.go", "the seed picks which runnable goroutine goes next; a pick is a slice",
		"\t\tgp := pp.runq[h%uint32(len(pp.runq))].ptr()\n\t\tif atomic.CasRel(&pp.runqhead, h, h+1) { // cas-release, commits consume\n\t\t\treturn gp, false\n",
		"\t\tif n := t - h; n > 1 && simExplore {\n\t\t\ti, j := h%uint32(len(pp.runq)), (h+simRandn(n))%uint32(len(pp.runq))\n\t\t\tpp.runq[i], pp.runq[j] = pp.runq[j], pp.runq[i]\n\t\t}\n\t\tgp := pp.runq[h%uint32(len(pp.runq))].ptr()\n\t\tif atomic.CasRel(&pp.runqhead, h, h+1) { // cas-release, commits consume\n\t\t\treturn gp, false\n"},
	{"runtime/proc.go", "count slices, the measure of CPU work that is equal in every run",
		"\tif !inheritTime {\n\t\tmp.p.ptr().schedtick++\n",
		"\tsimSlices++\n\tif !inheritTime {\n\t\tmp.p.ptr().schedtick++\n"},
	{"runtime/malloc.go", "count allocated bytes; seeded preemption",
		"\t\t\tthrow(\"mallocgc called with gcphase == _GCmarktermination\")\n\t\t}\n\t}\n\n\t// Short-circuit zero-sized allocation requests.\n",
		"\t\t\tthrow(\"mallocgc called with gcphase == _GCmarktermination\")\n\t\t}\n\t}\n\n\tif simOn {\n\t\tsimMalloc(size)\n\t}\n\n\t// Short-circuit zero-sized allocation requests.\n"},

	// Files that libraries look for by themselves do not exist on a simulated machine.
	{"syscall/syscall_linux.go", "open",
		"func Open(path string, mode int, perm uint32) (fd int, err error) {\n",
		"//go:linkname simAbsent\nfunc simAbsent(path string, look bool) bool // pushed by the runtime\n\nfunc Open(path string, mode int, perm uint32) (fd int, err error) {\n\tif simAbsent(path, false) {\n\t\treturn -1, ENOENT\n\t}\n"},
	{"syscall/syscall_linux_{arch}.go", "stat",
		"func Stat(path string, stat *Stat_t) (err error) {\n",
		"func Stat(path string, stat *Stat_t) (err error) {\n\tif simAbsent(path, true) {\n\t\treturn ENOENT\n\t}\n"},

	{"syscall/syscall_linux.go", "a link's target",
		"func Readlink(path string, buf []byte) (n int, err error) {\n",
		"func Readlink(path string, buf []byte) (n int, err error) {\n\tif simAbsent(path, true) {\n\t\treturn -1, ENOENT\n\t}\n"},

	{"runtime/proc.go", "from main on, asking for the host's name is a system call like any other",
		"\tclose(main_init_done)\n",
		"\tclose(main_init_done)\n\tsimInitDone = true\n"},
	{"os/sys_linux.go", "packages ask for the host's name while they are initialised: it is the machine's",
		"func hostname() (name string, err error) {\n",
		"//go:linkname simInitialising\nfunc simInitialising() bool // pushed by the runtime\n\nfunc hostname() (name string, err error) {\n\tif simInitialising() {\n\t\treturn Getenv(\"" + channel.EnvMachine + "\"), nil\n\t}\n"},
	{"os/sys_linux.go", "linkname needs unsafe",
		"import (\n", "import (\n\t_ \"unsafe\" // for go:linkname\n"},

	{"syscall/zsyscall_linux_{arch}.go", "a process's number is the run's, not the system's",
		"func Getpid() (pid int) {\n",
		"//go:linkname simPid\nfunc simPid() int // pushed by the runtime\n\nfunc Getpid() (pid int) {\n\tif pid := simPid(); pid != 0 {\n\t\treturn pid\n\t}\n"},

	// A CPU that computes wrongly.
	{"crypto/internal/fips140/sha256/sha256block_{arch}.go", "ask whether this machine's CPU computes SHA-256 wrongly",
		"func block(dig *Digest, p []byte) {\n",
		"// simWrongHash is pushed by the runtime.\n//\n//go:linkname simWrongHash\nfunc simWrongHash(first byte) int\n\nfunc block(dig *Digest, p []byte) {\n\ttrueBlock(dig, p)\n\tif bit := simWrongHash(p[0]); bit >= 0 {\n\t\tdig.h[bit/32] ^= 1 << (bit % 32)\n\t}\n}\n\nfunc trueBlock(dig *Digest, p []byte) {\n"},
	{"crypto/internal/fips140/sha256/sha256block_{arch}.go", "linkname needs unsafe",
		"import (\n", "import (\n\t_ \"unsafe\" // for go:linkname\n"},
}
