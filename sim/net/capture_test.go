package net

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"picloud/sim/channel"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestStories plays short stories and compares what was on the wire with a file to read.
func TestStories(t *testing.T) {
	for _, story := range []struct {
		name string
		tell func(w *world, say func(string))
	}{
		{"a-stream-and-a-loss", func(w *world, say func(string)) {
			say("b1 listens; a1 dials, writes and gets an answer")
			a, ida, b, idb := w.streamBetween("a1", "b1")
			a.write(ida, pattern(3000))
			w.run(10 * time.Millisecond)
			b.write(idb, pattern(100))
			w.run(10 * time.Millisecond)
			say("a cut swallows what a1 writes next; the timer brings it back")
			f := w.apply(WireCut{Where{Link: "a1"}})
			a.write(ida, pattern(500))
			w.run(300 * time.Millisecond)
			f.Heal()
			w.run(time.Second)
			say("both close")
			a.send(channel.Frame{Op: channel.NetClose, ID: ida, A: 100})
			w.run(10 * time.Millisecond)
			b.send(channel.Frame{Op: channel.NetClose, ID: idb, A: 3500})
			w.run(10 * time.Millisecond)
		}},
		{"a-dead-machine", func(w *world, say func(string)) {
			a, ida, b, _ := w.streamBetween("a1", "b1")
			say("the power of b1 fails; a1 writes into the silence")
			b.host.PowerOff()
			a.write(ida, pattern(10))
			w.run(time.Second)
			say("b1 is back and knows nothing of the stream")
			b.host.PowerOn()
			w.run(time.Second)
			say("a1 dials; nobody listens yet")
			a.dial("b1", 80)
			w.run(time.Second)
		}},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := newWorld(t)
			var got bytes.Buffer
			w.net.Capture(&got)
			story.tell(w, func(s string) { got.WriteString("# " + s + "\n") })
			path := filepath.Join("testdata", story.name+".txt")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the story changed; if it should, run with -update\n%s", got.Bytes())
			}
		})
	}
}
