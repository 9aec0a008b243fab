package checks

import (
	"testing"

	"picloud/reports"
)

func TestReplicasMustAgree(t *testing.T) {
	const noise = `0.1 pi-1#1 {"time":"x","level":"INFO","msg":"serving"}
0.2 client-1#1 {"msg":"state"}
broken "msg":"state"
`
	for _, story := range []struct {
		name, log string
		status    reports.Status
		detail    string
	}{
		{"two replicas agree", `1.0 pi-1#1 {"msg":"state","index":64,"hash":"aa"}
1.1 pi-2#1 {"msg":"state","index":64,"hash":"aa"}
1.2 pi-2#1 {"msg":"state","index":128,"hash":"bb"}`, reports.Pass, "replicas held equal states at 1 places of the log"},
		{"two replicas differ", `1.0 pi-1#1 {"msg":"state","index":64,"hash":"aa"}
1.1 pi-2#1 {"msg":"state","index":64,"hash":"ab"}`, reports.Fail, "after entry 64 pi-1 holds aa, and pi-2 holds ab"},
		{"a replica differs from what it was", `1.0 pi-1#1 {"msg":"state","index":64,"hash":"aa"}
9.1 pi-1#2 {"msg":"state","index":64,"hash":"ab"}`, reports.Fail, "after entry 64 pi-1 holds aa, and pi-1 holds ab"},
		{"nothing to compare", `1.0 pi-1#1 {"msg":"state","index":64,"hash":"aa"}`, reports.Inconclusive,
			"saw 0 places that two replicas had reached, the minimum is 1"},
	} {
		if c := Agreement(Digests([]byte(noise+story.log)), 1); c.Status != story.status || c.Detail != story.detail {
			t.Errorf("%s: %s: %s", story.name, c.Status, c.Detail)
		}
	}
}
