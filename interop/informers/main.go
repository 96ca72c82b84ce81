// Command informers keeps copies of the ConfigMaps of one namespace with client-go's informers, as
// controllers do: one of them asks for JSON, one for protobuf. Whenever what one of them holds has
// changed, it prints "holds ENCODING COUNT HASH", where HASH is the SHA-256 of the lines "name@version\n" of
// each, in order. It takes its API server from KUBECONFIG, and ends with its stdin.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// How often it looks whether there is anything to print.
const lookEvery = 50 * time.Millisecond

var encodings = []struct{ name, contentType string }{
	{"json", "application/json"},
	{"protobuf", "application/vnd.kubernetes.protobuf,application/json"},
}

func main() {
	namespace := flag.String("namespace", "default", "whose ConfigMaps")
	flag.Parse()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := run(ctx, *namespace); err != nil {
		fmt.Fprintln(os.Stderr, "informers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, namespace string) error {
	stores := map[string]cache.Store{}
	for _, encoding := range encodings {
		store, err := start(ctx, namespace, encoding.contentType)
		if err != nil {
			return fmt.Errorf("%s: %w", encoding.name, err)
		}
		stores[encoding.name] = store
	}
	said := map[string]string{}
	for ctx.Err() == nil {
		for _, encoding := range encodings {
			name := encoding.name
			if holds := describe(stores[name]); holds != said[name] {
				fmt.Println("holds", name, holds)
				said[name] = holds
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
	return nil
}

// start returns what an informer keeps, as soon as it has read all of it once.
func start(ctx context.Context, namespace, contentType string) (cache.Store, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.ContentType = contentType
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().ConfigMaps().Informer()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("ended before everything was read once: %w", ctx.Err())
	}
	return informer.GetStore(), nil
}

func describe(store cache.Store) string {
	var lines []string
	for _, held := range store.List() {
		object := held.(*corev1.ConfigMap)
		lines = append(lines, object.Name+"@"+object.ResourceVersion+"\n")
	}
	sort.Strings(lines)
	return fmt.Sprintf("%d %x", len(lines), sha256.Sum256([]byte(strings.Join(lines, ""))))
}
