// Runs an operator with webhooks, as controller-runtime makes them, on the cluster of KUBECONFIG. Prints `ok NAME` or
// `FAIL NAME: REASON` for each thing that was tried.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

const namespace = "default"

var parts = []struct {
	name string
	run  func(context.Context, client.Client) error
}{
	{"webhooks fill in and refuse", webhooksPart},
	{"an object is reconciled", reconcilePart},
	{"what it owns is put back", repairPart},
	{"its finalizer runs", finalizerPart},
}

func main() {
	log.SetLogger(logr.Discard())
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	failed := false
	report := func(name string, err error) {
		if err == nil {
			fmt.Printf("ok %s\n", name)
			return
		}
		failed = true
		fmt.Printf("FAIL %s: %q\n", name, err.Error())
	}
	manager, err := start(ctx)
	report("the manager starts and leads", err)
	if err == nil {
		for _, part := range parts {
			report(part.name, part.run(ctx, manager.GetClient()))
		}
	}
	if failed {
		os.Exit(1)
	}
}

// start defines the kind, and runs the operator until the context ends. It returns when the operator leads and its caches are filled.
func start(ctx context.Context) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, addToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	if err := define(ctx, direct); err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	certificate, err := makeCertificate()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                  scheme,
		Metrics:                 server.Options{BindAddress: "0"},
		LeaderElection:          true,
		LeaderElectionID:        "guestbooks.controller-runtime.example.com",
		LeaderElectionNamespace: namespace,
		WebhookServer:           webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, TLSOpts: certificate.options()}),
	})
	if err != nil {
		return nil, err
	}
	if err := ctrl.NewControllerManagedBy(manager).For(&Guestbook{}).Owns(&corev1.ConfigMap{}).Complete(&reconciler{manager.GetClient()}); err != nil {
		return nil, err
	}
	hooks := manager.GetWebhookServer()
	hooks.Register("/mutate", &webhook.Admission{Handler: &mutator{scheme}})
	hooks.Register("/validate", &webhook.Admission{Handler: &validator{scheme}})
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	select {
	case <-manager.Elected():
	case err := <-ended:
		return nil, err
	case <-time.After(30 * time.Second):
		return nil, fmt.Errorf("not elected")
	}
	if !manager.GetCache().WaitForCacheSync(ctx) {
		return nil, fmt.Errorf("no caches")
	}
	if err := until(ctx, func() (bool, error) { return hooks.StartedChecker()(nil) == nil, nil }); err != nil {
		return nil, fmt.Errorf("the webhook server: %w", err)
	}
	return manager, register(ctx, direct, certificate.authority, port)
}

// until asks again until the answer is yes.
func until(ctx context.Context, ready func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		done, err := ready()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %v)", ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func book(name, message string) *Guestbook {
	return &Guestbook{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Spec: GuestbookSpec{Message: message}}
}
