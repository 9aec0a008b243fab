package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpioreg"
	_ "periph.io/x/host/v3/gpioioctl" // its defect is shown here: a test reads back an output, which nothing of the node does

	"picloud/scenarios/emulated/inside"
)

// newHandler returns what serves a test, as package inside has it.
func newHandler() http.Handler {
	mux, n := http.NewServeMux(), &node{}
	for pattern, do := range map[string]func(*http.Request) ([]byte, error){
		"GET /file": readFile, "PUT /file": writeFile, "POST /run": run, "POST /pin": pin,
		"POST /start": n.start, "POST /signal": n.signal, "GET /node": n.ended,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := do(r)
			switch {
			case errors.Is(err, os.ErrNotExist):
				http.Error(w, err.Error(), http.StatusNotFound)
			case err != nil:
				http.Error(w, err.Error(), http.StatusInternalServerError)
			default:
				w.Write(answer)
			}
		})
	}
	return mux
}

func readFile(r *http.Request) ([]byte, error) { return os.ReadFile(r.FormValue("path")) }

func writeFile(r *http.Request) ([]byte, error) {
	path := r.URL.Query().Get("path")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return nil, os.WriteFile(path, content, 0o644)
}

// command returns the command of a request.
func command(r *http.Request) (*exec.Cmd, error) {
	var args []string
	if err := json.NewDecoder(r.Body).Decode(&args); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, errors.New("there is no command")
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stdout
	return cmd, nil
}

func run(r *http.Request) ([]byte, error) {
	cmd, err := command(r)
	if err != nil {
		return nil, err
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return json.Marshal(inside.Ended{Status: cmd.ProcessState.ExitCode(), Output: string(out)})
}

// node is the node that runs as a child.
type node struct {
	mu   sync.Mutex
	cmd  *exec.Cmd
	over *inside.Ended
}

func (n *node) start(r *http.Request) ([]byte, error) {
	cmd, err := command(r)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil && n.over == nil {
		return nil, errors.New("the node runs already")
	}
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n.cmd, n.over = cmd, nil
	go func() {
		cmd.Wait() // how it went is in its state
		n.mu.Lock()
		defer n.mu.Unlock()
		n.over = &inside.Ended{Status: cmd.ProcessState.ExitCode(), Output: cmd.ProcessState.String()}
	}()
	return nil, nil
}

func (n *node) signal(r *http.Request) ([]byte, error) {
	number, err := strconv.Atoi(r.FormValue("number"))
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return nil, errors.New("there is no node")
	}
	return nil, n.cmd.Process.Signal(syscall.Signal(number))
}

func (n *node) ended(*http.Request) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over == nil {
		return nil, fmt.Errorf("the node runs: %w", os.ErrNotExist)
	}
	return json.Marshal(n.over)
}

// pin drives a pin by periph, as a program would that takes its Read for harmless.
func pin(r *http.Request) ([]byte, error) {
	if _, err := driverreg.Init(); err != nil {
		return nil, err
	}
	name := r.FormValue("name")
	p := gpioreg.ByName(name)
	if p == nil {
		return nil, fmt.Errorf("there is no pin %s", name)
	}
	switch do := r.FormValue("do"); do {
	case "high", "low":
		return nil, p.Out(gpio.Level(do == "high"))
	case "read":
		return []byte(p.Read().String()), nil
	default:
		return nil, fmt.Errorf("a pin is set high or low, or read; not %q", do)
	}
}
