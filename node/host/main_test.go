package host_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"picloud/node/host"
)

// By these the test binary is another program, which runs until it is killed.
const (
	writerEnv = "PICLOUD_TEST_WRITER" // the folder that it writes to
	parentEnv = "PICLOUD_TEST_PARENT" // the folder of a machine on which it starts a program
	endedEnv  = "PICLOUD_TEST_ENDED"  // why it ends itself, where panics are recovered
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(writerEnv); folder != "" {
		fmt.Fprintln(os.Stderr, "writer:", writeForEver(folder))
		os.Exit(1)
	}
	if folder := os.Getenv(parentEnv); folder != "" {
		fmt.Fprintln(os.Stderr, "parent:", startForEver(folder))
		os.Exit(1)
	}
	if why := os.Getenv(endedEnv); why != "" {
		func() {
			defer func() { fmt.Fprintln(os.Stderr, "it goes on after", recover()) }()
			host.End(why)
		}()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestNobodyRecoversTheEnd(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), endedEnv+"=the disk hangs")
	out, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 2 || !strings.HasPrefix(string(out), "panic: the disk hangs\n") {
		t.Errorf("%v: %s", err, out)
	}
}

// startForEver starts a program that says its number, and waits for it.
func startForEver(folder string) error {
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Folder: folder})
	if err != nil {
		return err
	}
	_, err = h.Processes.Start(host.Program{Path: "/bin/sh", Args: []string{"-c", "echo number $$; exec sleep 1000"}})
	if err != nil {
		return err
	}
	select {}
}

func TestAProgramDoesNotOutliveTheOneThatStartedIt(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), parentEnv+"="+t.TempDir())
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`number (\d+)`).FindStringSubmatch(line)
	if number == nil {
		t.Fatalf("the program does not say its number, but %s", line)
	}
	_ = c.Process.Kill()
	_ = c.Wait() // it was killed
	for {
		stat, err := os.ReadFile("/proc/" + number[1] + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
