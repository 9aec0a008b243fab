// Package certificate makes certificates that sign themselves, for load balancers of clouds that have no others.
package certificate

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
)

// SelfSigned returns a certificate for servers that say what about says of names, addresses and time, and its key, both in PEM.
func SelfSigned(key crypto.Signer, about x509.Certificate) (certificate, secret string, err error) {
	about.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
	about.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	about.BasicConstraintsValid, about.IsCA = true, true
	signed, err := x509.CreateCertificate(nil, &about, &about, key.Public(), key)
	if err != nil {
		return "", "", err
	}
	bare, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	return inPEM("CERTIFICATE", signed), inPEM("PRIVATE KEY", bare), nil
}

func inPEM(kind string, bytes []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}
