// Uses a cluster through client-go as controllers and tools do. KUBECONFIG names the cluster. Prints a line for each thing that was
// tried, `ok NAME` or `FAIL NAME: REASON`; the words of the command line choose among them.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// suite is what every part starts with.
type suite struct {
	config    *rest.Config
	client    kubernetes.Interface
	dynamic   dynamic.Interface
	namespace string
}

type part struct {
	name string
	run  func(context.Context, *suite) error
}

var parts = []part{
	{"discovery", discoveryPart},
	{"typed objects", typedPart},
	{"patches", patchPart},
	{"pages", pagePart},
	{"subresources", subresourcePart},
	{"reviews and tokens", reviewPart},
	{"informers", informerPart},
	{"informers by metadata", metadataPart},
	{"watches that are resumed", resumedWatchPart},
	{"apply configurations", applyPart},
	{"dynamic client", dynamicPart},
	{"leader election", electionPart},
	{"recorded events", eventPart},
}

const protobuf = "application/vnd.kubernetes.protobuf"

func main() {
	failed := false
	for _, encoding := range []string{"application/json", protobuf + ",application/json"} {
		for _, part := range parts {
			if len(os.Args) > 1 && !slices.Contains(os.Args[1:], part.name) {
				continue
			}
			name := part.name
			if encoding != "application/json" {
				name += " (protobuf)"
			}
			if err := runPart(part, encoding); err != nil {
				failed = true
				fmt.Printf("FAIL %s: %q\n", name, err.Error())
				continue
			}
			fmt.Printf("ok %s\n", name)
		}
	}
	if failed {
		os.Exit(1)
	}
}

// runPart gives each part a namespace of its own, which is deleted afterwards.
func runPart(part part, encoding string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS = -1
	config.AcceptContentTypes = encoding
	if encoding != "application/json" {
		config.ContentType = protobuf
		config.Wrap(asAsked)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	// Custom resources have one encoding.
	plain := rest.CopyConfig(config)
	plain.AcceptContentTypes, plain.ContentType, plain.WrapTransport = "application/json", "application/json", nil
	dynamicClient, err := dynamic.NewForConfig(plain)
	if err != nil {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "client-go-"}}
	namespace, err = client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create a namespace: %w", err)
	}
	defer client.CoreV1().Namespaces().Delete(context.Background(), namespace.Name, metav1.DeleteOptions{})
	return part.run(ctx, &suite{config: config, client: client, dynamic: dynamicClient, namespace: namespace.Name})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// asAsked refuses what the client would take too: JSON where its first choice is protobuf. /version and the list of /openapi/v3
// are JSON for everybody.
func asAsked(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err != nil || !strings.HasPrefix(request.URL.Path, "/api") || !strings.HasPrefix(request.Header.Get("Accept"), protobuf) {
			return response, err
		}
		if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, protobuf) {
			response.Body.Close()
			return nil, fmt.Errorf("%s %s is answered as %q", request.Method, request.URL.Path, got)
		}
		return response, nil
	})
}

// expect makes an error of a condition that does not hold.
func expect(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf("expected "+format, args...)
}

// receive waits for a value, or for the end of the context.
func receive[T any](ctx context.Context, from <-chan T, what string) (T, error) {
	select {
	case value, open := <-from:
		if !open {
			return value, fmt.Errorf("closed while waiting for %s", what)
		}
		return value, nil
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("no %s: %w", what, ctx.Err())
	}
}
