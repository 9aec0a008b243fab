package scenarios

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"

	"picloud/node"
	"picloud/scenarios/certificate"
)

// ServerName is the name under which all load balancers of a run are known to users.
const ServerName = "pinboard.test"

// identify gives a load balancer that speaks TLS a certificate, where the scenario has none: always the same one, as runs are to
// be repeated. Its key is no secret.
func identify(t *node.TLS) (err error) {
	if t == nil || t.Certificate != "" {
		return nil
	}
	t.Certificate, t.Key, err = certificate.SelfSigned(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: ServerName}, DNSNames: []string{ServerName},
		// Machines' wall clocks jump by years.
		NotBefore: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	return err
}
