package firmware_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/hw/firmware"
	"picloud/hw/hwtest"
)

// recorded is a firmware that answers with certain words.
type recorded struct {
	asked  []uint32
	answer map[int]uint32
}

func (r *recorded) Property(m []uint32) error {
	r.asked = append(r.asked, m...)
	for i, w := range r.answer {
		m[i] = w
	}
	return nil
}

// TestMessages compares the messages with those of the kernel's header, word for word.
func TestMessages(t *testing.T) {
	done := func(more map[int]uint32) map[int]uint32 {
		more[1], more[4] = 0x80000000, 0x80000008
		return more
	}
	for _, c := range []struct {
		name  string
		ask   func(*firmware.Firmware) (fmt.Stringer, error)
		want  []uint32
		words map[int]uint32
		said  string
	}{
		{"throttled", func(f *firmware.Firmware) (fmt.Stringer, error) { return f.Throttled(false) },
			[]uint32{28, 0, 0x30046, 4, 0, 0, 0}, map[int]uint32{5: 0x50005}, "under-voltage,throttled"},
		{"throttled, and forget", func(f *firmware.Firmware) (fmt.Stringer, error) { return f.Throttled(true) },
			[]uint32{28, 0, 0x30046, 4, 0, 0xffff, 0}, map[int]uint32{5: 0x50000}, "none"},
		{"temperature", func(f *firmware.Firmware) (fmt.Stringer, error) { return f.Temperature() },
			[]uint32{32, 0, 0x30006, 8, 0, 0, 0, 0}, map[int]uint32{6: 47712}, "47.712°C"},
		{"temperature below zero", func(f *firmware.Firmware) (fmt.Stringer, error) { return f.Temperature() },
			[]uint32{32, 0, 0x30006, 8, 0, 0, 0, 0}, map[int]uint32{6: 0xffffec78}, "-5°C"},
		{"clock", func(f *firmware.Firmware) (fmt.Stringer, error) { return f.Clock() },
			[]uint32{32, 0, 0x30047, 8, 0, 3, 0, 0}, map[int]uint32{6: 1_500_345_728}, "1.500GHz"},
		{"core voltage", func(f *firmware.Firmware) (fmt.Stringer, error) { return f.CoreVoltage() },
			[]uint32{32, 0, 0x30003, 8, 0, 1, 0, 0}, map[int]uint32{6: 850_000}, "850mV"},
	} {
		r := &recorded{answer: done(c.words)}
		said, err := c.ask(firmware.New(r))
		if fmt.Sprint(r.asked) != fmt.Sprint(c.want) || err != nil || said.String() != c.said {
			t.Errorf("%s: asked %x, want %x; it is %s (%v), want %s", c.name, r.asked, c.want, said, err, c.said)
		}
		for _, word := range []int{1, 4} {
			r.answer[word] = 0
			if said, err := c.ask(firmware.New(r)); hw.KindOf(err) != hw.Failed {
				t.Errorf("%s: an answer without its bit in word %d is %s (%v)", c.name, word, said, err)
			}
		}
	}
}

func TestRails(t *testing.T) {
	five := firmware.New(hwtest.Pi5())
	rails, err := five.Rails()
	if err != nil {
		t.Fatal(err)
	}
	if v, err := rails.Voltage(firmware.Input); v != 5_118*physic.MilliVolt || err != nil {
		t.Errorf("the input has %s (%v)", v, err)
	}
	for _, r := range rails {
		if r.Name == "VDD_CORE" && (r.Current != 1_414_200*physic.MicroAmpere || r.Voltage != 870_500*physic.MicroVolt || !r.HasCurrent || !r.HasVoltage) {
			t.Errorf("%+v", r)
		}
		if r.Name == firmware.Input && r.HasCurrent {
			t.Error("the input's current is not measured")
		}
	}
	if _, err := firmware.New(hwtest.Pi4B()).Rails(); hw.KindOf(err) != hw.Absent || err == nil {
		t.Errorf("a 4B has no rails: %v", err)
	}
	if _, err := firmware.New(hwtest.Debian()).Rails(); hw.KindOf(err) != hw.Absent || err == nil {
		t.Errorf("there is no mailbox: %v", err)
	}
}

func TestTextsThatAreNoRails(t *testing.T) {
	for _, text := range []string{"", "\n", "EXT5V_V", "EXT5V_V volt(24)", "EXT5V_V volt(24)=5.1", "EXT5V_A volt(24)=5.1V", "EXT5V_V volt(24)=V", "EXT5V_V volt(24)=5,1V",
		"EXT5V_V volt(24)=1234567.0V", "EXT5V_V ohm(24)=5.1V", "_V volt(24)=5.1V", "EXT5V_V volt(24)=1e3V"} {
		if rails, err := firmware.ParseRails(text); err == nil {
			t.Errorf("%q is %v", text, rails)
		}
	}
}

// FuzzRails compares figures with those of math/big, cut off behind nine digits.
func FuzzRails(f *testing.F) {
	f.Add("EXT5V_V volt(24)=5.11800000V\n VDD_CORE_A current(7)=1.41420000A\n")
	f.Add("BATT_V volt(25)=-0.0000000009999V")
	f.Fuzz(func(t *testing.T, text string) {
		rails, err := firmware.ParseRails(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of more than a line: %q", err)
			}
			return
		}
		if len(rails) == 0 {
			t.Fatal("no rails, and no error")
		}
		if lines := strings.Fields(text); len(rails) == 1 && len(lines) == 2 && rails[0].HasVoltage {
			_, figure, _ := strings.Cut(strings.TrimSuffix(lines[1], "V"), "=")
			want, is := new(big.Rat).SetString(figure)
			if !is {
				t.Fatalf("%q is no figure, and %s", figure, rails[0].Voltage)
			}
			want.Mul(want, big.NewRat(1_000_000_000, 1))
			if nano := new(big.Int).Quo(want.Num(), want.Denom()); nano.Int64() != int64(rails[0].Voltage) {
				t.Errorf("%q is %d nV", figure, int64(rails[0].Voltage))
			}
		}
	})
}
