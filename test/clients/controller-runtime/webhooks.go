package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

type mutator struct{ scheme *runtime.Scheme }

func (m *mutator) Handle(_ context.Context, request admission.Request) admission.Response {
	guestbook := &Guestbook{}
	if err := admission.NewDecoder(m.scheme).Decode(request, guestbook); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if guestbook.Spec.Author == "" {
		guestbook.Spec.Author = "anonymous"
	}
	changed, err := json.Marshal(guestbook)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(request.Object.Raw, changed)
}

type validator struct{ scheme *runtime.Scheme }

func (v *validator) Handle(_ context.Context, request admission.Request) admission.Response {
	guestbook := &Guestbook{}
	if err := admission.NewDecoder(v.scheme).Decode(request, guestbook); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if strings.Contains(guestbook.Spec.Message, "damn") {
		return admission.Denied("mind your language")
	}
	return admission.Allowed("").WithWarnings("read the house rules")
}

func webhooksPart(ctx context.Context, c client.Client) error {
	// It works as soon as the server knows its configuration.
	if err := until(ctx, func() (bool, error) {
		err := c.Create(ctx, book("rude", "damn"))
		if err == nil {
			_ = c.Delete(ctx, book("rude", ""))
		}
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "mind your language"), err
	}); err != nil {
		return err
	}
	polite := book("polite", "hi")
	if err := c.Create(ctx, polite); err != nil {
		return err
	}
	if polite.Spec.Author != "anonymous" {
		return fmt.Errorf("expected an author, got %+v", polite.Spec)
	}
	return c.Delete(ctx, polite)
}

// register tells the API server about both webhooks.
func register(ctx context.Context, c client.Client, authority []byte, port int) error {
	fail, none := admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone
	url := func(path string) admissionregistrationv1.WebhookClientConfig {
		address := fmt.Sprintf("https://127.0.0.1:%d%s", port, path)
		return admissionregistrationv1.WebhookClientConfig{URL: &address, CABundle: authority}
	}
	rules := []admissionregistrationv1.RuleWithOperations{{
		Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
		Rule: admissionregistrationv1.Rule{
			APIGroups: []string{groupVersion.Group}, APIVersions: []string{groupVersion.Version}, Resources: []string{"guestbooks"},
		},
	}}
	versions := []string{"v1"}
	name := metav1.ObjectMeta{Name: "guestbooks"}
	if err := c.Create(ctx, &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.MutatingWebhook{{
		Name: "mutate.guestbooks.example.com", ClientConfig: url("/mutate"), Rules: rules,
		FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: versions,
	}}}); err != nil {
		return err
	}
	return c.Create(ctx, &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionregistrationv1.ValidatingWebhook{{
		Name: "validate.guestbooks.example.com", ClientConfig: url("/validate"), Rules: rules,
		FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: versions,
	}}})
}

type certificate struct {
	pair tls.Certificate
	// authority is the certificate itself: it signs itself.
	authority []byte
}

func (c *certificate) options() []func(*tls.Config) {
	return []func(*tls.Config){func(config *tls.Config) {
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &c.pair, nil }
	}}
}

func makeCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "guestbooks"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &certificate{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text}, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
