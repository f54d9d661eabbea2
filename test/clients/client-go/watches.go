package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	watchtools "k8s.io/client-go/tools/watch"
)

var mapsResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// named tells an informer's events by kind and name.
func named(into chan<- string) cache.ResourceEventHandlerFuncs {
	name := func(object any) string {
		key, _ := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
		_, name, _ := cache.SplitMetaNamespaceKey(key)
		return name
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { into <- "add " + name(object) },
		UpdateFunc: func(_, object any) { into <- "update " + name(object) },
		DeleteFunc: func(object any) { into <- "delete " + name(object) },
	}
}

// follow waits for events in this order; those of other objects pass.
func follow(ctx context.Context, from <-chan string, wanted ...string) error {
	for _, event := range wanted {
		for got := ""; got != event; {
			var err error
			if got, err = receive(ctx, from, event); err != nil {
				return err
			}
		}
	}
	return nil
}

// changeMap makes, changes and deletes one, which is what its watchers then see.
func changeMap(ctx context.Context, s *suite, name string) error {
	maps := s.client.CoreV1().ConfigMaps(s.namespace)
	made, err := maps.Create(ctx, configMap(name, map[string]string{"k": "1"}), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	made.Data["k"] = "2"
	if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	return maps.Delete(ctx, name, metav1.DeleteOptions{})
}

func informerPart(ctx context.Context, s *suite) error {
	factory := informers.NewSharedInformerFactoryWithOptions(s.client, 0, informers.WithNamespace(s.namespace))
	informer := factory.Core().V1().ConfigMaps()
	pods := factory.Core().V1().Pods()
	seen := make(chan string, 100)
	if _, err := informer.Informer().AddEventHandler(named(seen)); err != nil {
		return err
	}
	pods.Informer()
	stop, cancel := context.WithCancel(ctx)
	defer factory.Shutdown()
	defer cancel()
	factory.Start(stop.Done())
	for kind, synced := range factory.WaitForCacheSync(stop.Done()) {
		if !synced {
			return fmt.Errorf("%s is not synced", kind)
		}
	}
	if err := changeMap(ctx, s, "watched"); err != nil {
		return err
	}
	if err := follow(ctx, seen, "add watched", "update watched", "delete watched"); err != nil {
		return err
	}
	if _, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(ctx, configMap("kept", nil), metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := follow(ctx, seen, "add kept"); err != nil {
		return err
	}
	_, err := informer.Lister().ConfigMaps(s.namespace).Get("kept")
	return err
}

func metadataPart(ctx context.Context, s *suite) error {
	client, err := metadata.NewForConfig(s.config)
	if err != nil {
		return err
	}
	factory := metadatainformer.NewFilteredSharedInformerFactory(client, 0, s.namespace, nil)
	seen := make(chan string, 100)
	if _, err := factory.ForResource(mapsResource).Informer().AddEventHandler(named(seen)); err != nil {
		return err
	}
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	factory.Start(stop.Done())
	factory.WaitForCacheSync(stop.Done())
	if err := changeMap(ctx, s, "watched"); err != nil {
		return err
	}
	return follow(ctx, seen, "add watched", "update watched", "delete watched")
}

func resumedWatchPart(ctx context.Context, s *suite) error {
	list, err := s.client.CoreV1().ConfigMaps(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	brief := int64(1)
	lister := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		// The server ends each of them after a second.
		options.TimeoutSeconds = &brief
		return s.client.CoreV1().ConfigMaps(s.namespace).Watch(ctx, options)
	}}
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, lister)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	seen := map[string]bool{}
	for i := range 3 {
		name := fmt.Sprintf("m-%d", i)
		if _, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(ctx, configMap(name, nil), metav1.CreateOptions{}); err != nil {
			return err
		}
		for !seen[name] {
			event, err := receive(ctx, watcher.ResultChan(), name)
			if err != nil {
				return err
			}
			if object, ok := event.Object.(*corev1.ConfigMap); ok {
				if seen[object.Name] && event.Type == watch.Added {
					return fmt.Errorf("%s was added twice", object.Name)
				}
				seen[object.Name] = true
			}
		}
		time.Sleep(1200 * time.Millisecond)
	}
	return nil
}

func electionPart(ctx context.Context, s *suite) error {
	type candidate struct {
		name   string
		cancel context.CancelFunc
	}
	leads := make(chan string, 10)
	var running sync.WaitGroup
	begin := func(name string) (candidate, error) {
		life, cancel := context.WithCancel(ctx)
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: s.namespace},
			Client:     s.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true,
			LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: 200 * time.Millisecond,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leads <- name },
				OnStoppedLeading: func() {},
			},
		})
		if err == nil {
			running.Go(func() { elector.Run(life) })
		}
		return candidate{name, cancel}, err
	}
	one, err := begin("one")
	if err != nil {
		return err
	}
	defer running.Wait()
	defer one.cancel()
	if first, err := receive(ctx, leads, "leader"); err != nil || first != "one" {
		return fmt.Errorf("leader %q: %v", first, err)
	}
	two, err := begin("two")
	if err != nil {
		return err
	}
	defer two.cancel()
	one.cancel()
	if second, err := receive(ctx, leads, "next leader"); err != nil || second != "two" {
		return fmt.Errorf("leader %q: %v", second, err)
	}
	var lease *coordinationv1.Lease
	if lease, err = s.client.CoordinationV1().Leases(s.namespace).Get(ctx, "leader", metav1.GetOptions{}); err != nil {
		return err
	}
	return expect(*lease.Spec.HolderIdentity == "two" && *lease.Spec.LeaseTransitions > 0, "two in the lease, got %+v", lease.Spec)
}

func eventPart(ctx context.Context, s *suite) error {
	about, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(ctx, configMap("about", nil), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: s.client.EventsV1()})
	stop := make(chan struct{})
	defer close(stop)
	broadcaster.StartRecordingToSink(stop)
	defer broadcaster.Shutdown()
	recorder := broadcaster.NewRecorder(scheme.Scheme, "example.com/test")
	for range 3 {
		recorder.Eventf(about, nil, corev1.EventTypeNormal, "Tried", "Trying", "tried %s", about.Name)
	}
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		list, err := s.client.EventsV1().Events(s.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(list.Items) > 0 && list.Items[0].Note == "tried about" {
			old, err := s.client.CoreV1().Events(s.namespace).Get(ctx, list.Items[0].Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			return expect(old.Message == "tried about", "its message in the core group, got %q", old.Message)
		}
	}
	return fmt.Errorf("no event: %w", ctx.Err())
}
