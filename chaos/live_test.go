package chaos_test

import (
	"reflect"
	"testing"

	"picloud/chaos"
)

func TestEachKindIsPlayedOnLiveProcessesOrItIsSaidWhyNot(t *testing.T) {
	var kinds []string
	for _, l := range chaos.OnLive() {
		kinds = append(kinds, string(l.Kind))
		if !l.Can && l.Note == "" {
			t.Errorf("%s is not played, and nobody says why", l.Kind)
		}
	}
	if !reflect.DeepEqual(kinds, chaos.Kinds()) {
		t.Errorf("the kinds are\n%q, of the catalogue\n%q", kinds, chaos.Kinds())
	}
}

func TestTheWorstMomentOfAScheduleIsFound(t *testing.T) {
	top := chaos.Topology{Machines: []chaos.Machine{{Name: "pi-1"}, {Name: "pi-2"}, {Name: "pi-3"}, {Name: "client"}}}
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"1s +1s net-delay link=pi-1>pi-2\n", nil},
		{"1s +1s kill machine=client\n", nil},
		{"1s +1s kill machine=pi-1\n5s +1s kill machine=pi-2\n", []string{"pi-1"}},
		{"1s +1s kill machine=pi-1\n3s +1s kill machine=pi-2\n", []string{"pi-1", "pi-2"}}, // which is about to start
		{"1s +4s kill machine=pi-1\n3s +1s disk-full machine=pi-2\n", []string{"pi-1", "pi-2"}},
		{"1s +9s kill machine=pi-1\n2s +1s pause machine=pi-2\n6s +1s pause machine=pi-3\n", []string{"pi-1", "pi-2"}},
		{"1s +1s partition-majority sides=pi-1,client|pi-2,pi-3\n", []string{"pi-1"}},
		{"1s +1s partition-minority machines=pi-1,pi-2,pi-3\n", []string{"pi-1", "pi-2", "pi-3"}},
		{"1s +1s clog link=pi-2>pi-3\n", nil},
		{"1s +1s net-loss link=*>* rate=999999ppm\n", nil}, // something passes
		{"1s +1s net-loss link=*>* rate=1000000ppm\n", []string{"pi-1", "pi-2", "pi-3"}},
		{"1s +9s kill machine=pi-1\n2s +1s net-corrupt link=pi-2>pi-3 rate=1000000ppm\n", []string{"pi-1", "pi-2", "pi-3"}},
		{"1s +1s partition-bridge machines=pi-1,pi-2,pi-3\n", nil},
		{"1s +9s kill machine=pi-1\n2s +1s clog link=pi-2>pi-3\n", []string{"pi-1", "pi-2", "pi-3"}},
		{"1s +9s kill machine=pi-1\n2s +1s clog link=client>pi-3\n", []string{"pi-1"}},
		{"1s +9s kill machine=pi-1\n2s +1s partition-bridge machines=pi-1,pi-2,pi-3\n", []string{"pi-1", "pi-2", "pi-3"}},
		{"1s +9s clog link=pi-1>pi-2\n1s +9s clog link=pi-2>pi-3\n2s +1s clog link=pi-3>pi-1\n", []string{"pi-1", "pi-2", "pi-3"}},
	} {
		s, err := chaos.Parse("s", test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := top.WorstOutage(s, []string{"pi-1", "pi-2", "pi-3"}); !reflect.DeepEqual(got.Out, test.want) {
			t.Errorf("%s: %v are out, not %v", test.text, got.Out, test.want)
		}
	}
}
