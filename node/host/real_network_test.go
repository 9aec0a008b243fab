package host_test

import (
	"testing"

	"picloud/node/host"
	"picloud/node/host/hosttest"
)

func TestRealNetworkKeepsTheContract(t *testing.T) {
	hosttest.Network(t, func(*testing.T) (a, b host.Network, bName string) {
		n := &host.RealNetwork{Names: map[string]string{"pi-2": "127.0.0.1"}}
		return n, n, "pi-2"
	})
}
