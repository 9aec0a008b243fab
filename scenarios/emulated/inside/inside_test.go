package inside

import (
	"net"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func TestTheGuestReadsWhatItIsTold(t *testing.T) {
	for _, want := range []Setup{
		{Time: time.Unix(1795900000, 0)},
		{Time: time.Unix(1795900000, 0), Links: []Link{
			{net.HardwareAddr{0x52, 0x54, 0, 0, 1, 1}, netip.MustParsePrefix("10.0.2.15/24")},
			{net.HardwareAddr{0x52, 0x54, 0, 0, 2, 1}, netip.MustParsePrefix("10.9.0.1/24")},
		}},
	} {
		got, err := ParseSetup("console=ttyS1 quiet " + want.String() + " panic=1\n")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v (%v)", want, got, err)
		}
	}
	for _, bad := range []string{"pi.time=noon", "pi.link=x=10.0.2.15/24", "pi.link=52:54:00:00:01:01", "pi.link=52:54:00:00:01:01=10.0.2.15"} {
		if s, err := ParseSetup(bad); err == nil {
			t.Errorf("%s is read as %+v", bad, s)
		}
	}
}
