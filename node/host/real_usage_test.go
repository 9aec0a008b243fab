package host_test

import (
	"testing"

	"picloud/node/host"
	"picloud/node/host/hosttest"
)

func TestRealMeterKeepsTheContract(t *testing.T) {
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Address: "127.0.0.1", Machines: map[string]string{"pi-1": "127.0.0.1"}, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	hosttest.Meter(t, h)
}
