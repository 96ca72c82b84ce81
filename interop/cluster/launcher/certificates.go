package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority signs the certificates of one purpose and writes them to files.
type authority struct {
	dir    string
	name   string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

// newAuthority makes a CA and writes NAME.crt and NAME.key.
func newAuthority(dir, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "drover-cluster-" + name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a := &authority{dir: dir, name: name, cert: cert, key: key, serial: 1}
	return a, a.write(name, der, key)
}

// issue makes a certificate and writes NAME.crt and NAME.key. It serves 127.0.0.1 and the given
// names and addresses, and identifies a client as user in the given groups.
func (a *authority) issue(name, user string, groups, names []string, addresses ...net.IP) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial),
		Subject:      pkix.Name{CommonName: user, Organization: groups},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     append([]string{"localhost"}, names...),
		IPAddresses:  append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, addresses...),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	return a.write(name, der, key)
}

func (a *authority) write(name string, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(a.dir, name+".crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	return writePEM(filepath.Join(a.dir, name+".key"), "PRIVATE KEY", keyDER)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// makeCertificates writes everything that the programs need to know one another to dir. The control
// plane is at host, and a real node at node, if there is one.
func makeCertificates(dir string, host, node net.IP) error {
	ca, err := newAuthority(dir, "ca")
	if err != nil {
		return err
	}
	frontProxy, err := newAuthority(dir, "front-proxy-ca")
	if err != nil {
		return err
	}
	kubernetes := []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}
	for _, err := range []error{
		ca.issue("api-server", "kube-apiserver", nil, kubernetes, net.ParseIP(firstServiceIP), host),
		ca.issue("api-server-kubelet-client", "kube-apiserver", []string{"system:masters"}, nil),
		ca.issue("etcd", "etcd", nil, nil),
		ca.issue("kubelet", "system:node:"+nodeName, []string{"system:nodes"}, nil, node),
		ca.issue("metrics", "metrics", nil, []string{metricsService + "." + metricsNamespace + ".svc"}),
		ca.issue("admin", "admin", []string{"system:masters"}, nil),
		ca.issue("controller-manager", "system:kube-controller-manager", nil, nil),
		ca.issue("kube-proxy", "system:kube-proxy", nil, nil),
		ca.issue("scheduler", "system:kube-scheduler", nil, nil),
		frontProxy.issue("front-proxy-client", "front-proxy-client", nil, nil),
		serviceAccountKey(dir),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// serviceAccountKey writes the pair that signs and proves service-account tokens.
func serviceAccountKey(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "service-account.key"), "PRIVATE KEY", private); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, "service-account.pub"), "PUBLIC KEY", public)
}

// kubeconfig is a kubectl configuration as JSON, which is YAML too. The certificates are in it, so
// that it can be copied anywhere.
func kubeconfig(dir, server, user string) (map[string]any, error) {
	content := map[string][]byte{}
	for _, name := range []string{"ca.crt", user + ".crt", user + ".key"} {
		pem, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("kubeconfig of %s: %w", user, err)
		}
		content[name] = pem // json writes bytes as base64, just as kubectl wants them
	}
	return map[string]any{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []any{map[string]any{"name": "drover", "cluster": map[string]any{
			"server": server, "certificate-authority-data": content["ca.crt"],
		}}},
		"users": []any{map[string]any{"name": user, "user": map[string]any{
			"client-certificate-data": content[user+".crt"], "client-key-data": content[user+".key"],
		}}},
		"contexts": []any{map[string]any{"name": "drover", "context": map[string]any{
			"cluster": "drover", "user": user,
		}}},
		"current-context": "drover",
	}, nil
}
