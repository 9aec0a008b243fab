package store

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/raftnet"
)

// slowly is a stream of which a part comes, and the rest when the test says so.
type slowly struct {
	begun, goOn chan struct{}
	left        int
}

func (s *slowly) Read(b []byte) (int, error) {
	switch s.left {
	case 0:
		return 0, io.ErrUnexpectedEOF
	case 1:
		close(s.begun)
		<-s.goOn
	}
	s.left--
	return len(b), nil
}

// sending has pi-1 being sent a snapshot, of which the rest comes when goOn is called.
func sending(t *testing.T) (shelf *shelf, goOn func(), sent <-chan error) {
	t.Helper()
	shelf = newShelf(t, "pi-1", "pi-2")
	shelf.start("pi-1", "pi-1", "pi-2")
	g := shelf.nodes["pi-1"]
	port, err := raftnet.Listen(&host.RealNetwork{Address: shelf.addrs["pi-2"], Names: shelf.addrs}, "pi-2", shelf.port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	from, err := port.Transport(1, raftnet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stream := &slowly{make(chan struct{}), make(chan struct{}), 2}
	goOn = sync.OnceFunc(func() { close(stream.goOn) })
	t.Cleanup(goOn)
	ended := make(chan error, 1)
	go func() {
		var answer raft.InstallSnapshotResponse
		q := &raft.InstallSnapshotRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("pi-2"), Addr: []byte(port.Address("pi-2"))},
			SnapshotVersion: 1, Term: 1 << 20, LastLogIndex: 1000, LastLogTerm: 1, Size: 1 << 30,
			Configuration: raft.EncodeConfiguration(g.raft.GetConfiguration().Configuration())}
		ended <- from.InstallSnapshot("pi-1", port.Address("pi-1"), q, &answer, stream)
	}()
	<-stream.begun
	eventually(t, "a snapshot comes in", func() bool { return g.Term() >= 1<<20 })
	return shelf, goOn, ended
}

// TestAMemberEndsWhileASnapshotComesIn: it does not wait for the rest, nor until its sender is given up.
func TestAMemberEndsWhileASnapshotComesIn(t *testing.T) {
	shelf, _, _ := sending(t)
	ended := make(chan struct{})
	go func() { defer close(ended); shelf.stop("pi-1") }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}

// TestANodeThatIsBeingSentASnapshotLives: raft answers nothing until it has the whole of it.
func TestANodeThatIsBeingSentASnapshotLives(t *testing.T) {
	shelf, goOn, sent := sending(t)
	g := shelf.nodes["pi-1"]
	s := &Store{groups: map[uint32]*Group{1: g.Group}}
	for range 3 {
		lives := make(chan error, 1)
		go func() { lives <- s.Alive() }()
		select {
		case err := <-lives:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(4 * time.Second):
			t.Fatal("it is taken for one that hangs")
		}
	}
	goOn() // and then it ends too early
	if err := <-sent; err == nil {
		t.Error("half a snapshot is taken for one")
	}
	eventually(t, "it is taken for one that comes in no more", func() bool { return g.snapshots.coming.Load() == 0 })
	if err := s.Alive(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
