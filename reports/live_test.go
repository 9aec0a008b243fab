package reports

import (
	"strings"
	"testing"
)

// TestNobodyIsToldThatALiveRunWasSimulated: not on a terminal, not on its page, not beside one that was.
func TestNobodyIsToldThatALiveRunWasSimulated(t *testing.T) {
	simulated, timeline := sample()
	live := *simulated
	live.TraceHash = LiveHash([]byte{0xab})
	for name, text := range map[string]string{"summary": Summary(&live), "page": Page(&live, timeline, nil)} {
		if strings.Contains(text, "simulated") {
			t.Errorf("the %s says it", name)
		}
		if !strings.Contains(text, "150.000s of real time") {
			t.Errorf("the %s does not say how long it was", name)
		}
	}
	if text := DiffText(Side{Name: "a", Result: simulated}, Side{Name: "b", Result: &live}); !strings.Contains(text, "150.000s simulated") || !strings.Contains(text, "150.000s of real time") {
		t.Errorf("side by side nobody sees which is which:\n%s", text)
	}
}
