package main

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/dynamic/dynamicinformer"
)

func applyPart(ctx context.Context, s *suite) error {
	labels := map[string]string{"app": "web"}
	wanted := appsapply.Deployment("web", s.namespace).WithSpec(appsapply.DeploymentSpec().
		WithReplicas(2).
		WithSelector(metaapply.LabelSelector().WithMatchLabels(labels)).
		WithTemplate(coreapply.PodTemplateSpec().WithLabels(labels).WithSpec(coreapply.PodSpec().
			WithContainers(coreapply.Container().WithName("c").WithImage("example.com/i:1")))))
	deployments := s.client.AppsV1().Deployments(s.namespace)
	if _, err := deployments.Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "one"}); err != nil {
		return err
	}
	other := appsapply.Deployment("web", s.namespace).WithSpec(appsapply.DeploymentSpec().WithReplicas(3))
	if _, err := deployments.Apply(ctx, other, metav1.ApplyOptions{FieldManager: "two"}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a field of another manager: %v", err)
	}
	got, err := deployments.Apply(ctx, other, metav1.ApplyOptions{FieldManager: "two", Force: true})
	if err != nil {
		return err
	}
	mine, err := appsapply.ExtractDeployment(got, "two")
	if err != nil {
		return err
	}
	if err := expect(mine.Spec != nil && *mine.Spec.Replicas == 3 && mine.Spec.Template == nil, "replicas alone, got %+v", mine.Spec); err != nil {
		return err
	}
	theirs, err := appsapply.ExtractDeployment(got, "one")
	if err != nil {
		return err
	}
	return expect(theirs.Spec.Replicas == nil && len(theirs.Spec.Template.Spec.Containers) == 1, "the rest, got %+v", theirs.Spec)
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

func dynamicPart(ctx context.Context, s *suite) error {
	group := s.namespace + ".example.com"
	definition := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "widgets." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced",
			"names": map[string]any{"plural": "widgets", "kind": "Widget"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "properties": map[string]any{
					"spec": map[string]any{"type": "object", "properties": map[string]any{
						"size": map[string]any{"type": "integer", "default": int64(3), "maximum": int64(10)},
					}},
					"status": map[string]any{"type": "object", "properties": map[string]any{"phase": map[string]any{"type": "string"}}},
				}}},
			}},
		},
	}}
	if _, err := s.dynamic.Resource(definitions).Create(ctx, definition, metav1.CreateOptions{}); err != nil {
		return err
	}
	defer s.dynamic.Resource(definitions).Delete(context.Background(), definition.GetName(), metav1.DeleteOptions{})
	resource := schema.GroupVersionResource{Group: group, Version: "v1", Resource: "widgets"}
	widgets := s.dynamic.Resource(resource).Namespace(s.namespace)
	for ; ; time.Sleep(50 * time.Millisecond) {
		if _, err := widgets.List(ctx, metav1.ListOptions{}); err == nil {
			break
		} else if ctx.Err() != nil {
			return fmt.Errorf("not served: %w", err)
		}
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(s.dynamic, 0, s.namespace, nil)
	seen := make(chan string, 10)
	if _, err := factory.ForResource(resource).Informer().AddEventHandler(named(seen)); err != nil {
		return err
	}
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	factory.Start(stop.Done())
	factory.WaitForCacheSync(stop.Done())
	widget := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": group + "/v1", "kind": "Widget", "metadata": map[string]any{"name": "w"}, "spec": map[string]any{},
	}}
	made, err := widgets.Create(ctx, widget, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	size, _, _ := unstructured.NestedInt64(made.Object, "spec", "size")
	if err := expect(size == 3, "the default size, got %d", size); err != nil {
		return err
	}
	_ = unstructured.SetNestedField(made.Object, int64(11), "spec", "size")
	if _, err := widgets.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
		return fmt.Errorf("a size beyond the largest: %v", err)
	}
	_ = unstructured.SetNestedField(made.Object, "Ready", "status", "phase")
	if _, err := widgets.UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if _, err := widgets.Apply(ctx, "w", &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": group + "/v1", "kind": "Widget", "metadata": map[string]any{"name": "w"}, "spec": map[string]any{"size": int64(5)},
	}}, metav1.ApplyOptions{FieldManager: "applier", Force: true}); err != nil {
		return err
	}
	if err := widgets.Delete(ctx, "w", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return follow(ctx, seen, "add w", "update w", "delete w")
}
