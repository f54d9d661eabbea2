package main

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "test"}}, Data: data}
}

func podSpec() corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{
		Name: "c", Image: "example.com/i:1",
		Ports:     []corev1.ContainerPort{{ContainerPort: 80}},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m")}},
	}}}
}

func deployment(name string) *appsv1.Deployment {
	replicas := int32(2)
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec()},
		},
	}
}

func discoveryPart(_ context.Context, s *suite) error {
	version, err := s.client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	if err := expect(version.Major == "1", "major version 1, got %s", version.Major); err != nil {
		return err
	}
	groups, resources, err := s.client.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	if err := expect(len(groups) > 10 && len(resources) > 10, "all groups, got %d and %d", len(groups), len(resources)); err != nil {
		return err
	}
	client, err := discovery.NewDiscoveryClientForConfig(s.config)
	if err != nil {
		return err
	}
	if _, err := client.OpenAPISchema(); err != nil {
		return fmt.Errorf("OpenAPI v2: %w", err)
	}
	paths, err := client.OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	if err := expect(paths["apis/apps/v1"] != nil, "OpenAPI v3 of apps/v1"); err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client))
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"})
	if err != nil {
		return err
	}
	return expect(mapping.Resource.Resource == "deployments", "deployments, got %s", mapping.Resource.Resource)
}

func typedPart(ctx context.Context, s *suite) error {
	maps := s.client.CoreV1().ConfigMaps(s.namespace)
	made, err := maps.Create(ctx, configMap("a", map[string]string{"k": "v"}), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := maps.Create(ctx, configMap("a", nil), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("a second one: %v", err)
	}
	made.Data["k"] = "w"
	if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("an update of an old revision: %v", err)
	}
	if _, err := maps.Create(ctx, configMap("A", nil), metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		return fmt.Errorf("a bad name: %v", err)
	}
	var status *apierrors.StatusError
	_, err = maps.Get(ctx, "none", metav1.GetOptions{})
	if !errors.As(err, &status) || status.ErrStatus.Details.Name != "none" || !apierrors.IsNotFound(err) {
		return fmt.Errorf("a name that is not there: %v", err)
	}
	deployments := s.client.AppsV1().Deployments(s.namespace)
	created, err := deployments.Create(ctx, deployment("web"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	got, err := deployments.Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return err
	}
	cpu := got.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String()
	strategy := got.Spec.Strategy.RollingUpdate
	if err := expect(got.UID == created.UID && cpu == "1500m" && strategy != nil && strategy.MaxSurge.String() == "25%", "the object with its defaults, got %+v", got.Spec); err != nil {
		return err
	}
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "app=test", FieldSelector: "metadata.name=a"})
	if err != nil {
		return err
	}
	if err := expect(len(list.Items) == 1 && list.Items[0].Data["k"] == "w" && list.ResourceVersion != "", "one map, got %+v", list); err != nil {
		return err
	}
	if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=test"}); err != nil {
		return err
	}
	uid := types.UID("other")
	err = deployments.Delete(ctx, "web", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if !apierrors.IsConflict(err) {
		return fmt.Errorf("a precondition that does not hold: %v", err)
	}
	return deployments.Delete(ctx, "web", metav1.DeleteOptions{})
}

func patchPart(ctx context.Context, s *suite) error {
	deployments := s.client.AppsV1().Deployments(s.namespace)
	if _, err := deployments.Create(ctx, deployment("web"), metav1.CreateOptions{}); err != nil {
		return err
	}
	for _, patch := range []struct {
		kind types.PatchType
		text string
	}{
		{types.JSONPatchType, `[{"op":"replace","path":"/spec/replicas","value":3}]`},
		{types.MergePatchType, `{"metadata":{"annotations":{"a":"b"}}}`},
		{types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"d","image":"i"}]}}}}`},
		{types.ApplyPatchType, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"x":"y"}}}`},
	} {
		options := metav1.PatchOptions{FieldManager: "patcher"}
		if _, err := deployments.Patch(ctx, "web", patch.kind, []byte(patch.text), options); err != nil {
			return fmt.Errorf("%s: %w", patch.kind, err)
		}
	}
	got, err := deployments.Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return expect(*got.Spec.Replicas == 3 && got.Annotations["a"] == "b" && got.Labels["x"] == "y" &&
		len(got.Spec.Template.Spec.Containers) == 2, "all patches, got %+v", got)
}

func pagePart(ctx context.Context, s *suite) error {
	maps := s.client.CoreV1().ConfigMaps(s.namespace)
	for i := range 25 {
		if _, err := maps.Create(ctx, configMap(fmt.Sprintf("m-%02d", i), nil), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	pages, items := 0, 0
	paged := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		pages++
		options.LabelSelector = "app=test"
		return maps.List(ctx, options)
	}))
	paged.PageSize = 10
	if err := paged.EachListItem(ctx, metav1.ListOptions{}, func(runtime.Object) error { items++; return nil }); err != nil {
		return err
	}
	return expect(pages == 3 && items == 25, "25 maps on 3 pages, got %d on %d", items, pages)
}

func subresourcePart(ctx context.Context, s *suite) error {
	deployments := s.client.AppsV1().Deployments(s.namespace)
	if _, err := deployments.Create(ctx, deployment("web"), metav1.CreateOptions{}); err != nil {
		return err
	}
	// Controllers and the scheduler write to the same objects.
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		scale, err := deployments.GetScale(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas = 5
		_, err = deployments.UpdateScale(ctx, "web", scale, metav1.UpdateOptions{})
		return err
	}); err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	pods := s.client.CoreV1().Pods(s.namespace)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: podSpec()}
	if _, err := pods.Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return err
	}
	change := func(update func(context.Context, *corev1.Pod) error) error {
		return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			pod, err := pods.Get(ctx, "p", metav1.GetOptions{})
			if err != nil {
				return err
			}
			return update(ctx, pod)
		})
	}
	if err := change(func(ctx context.Context, pod *corev1.Pod) error {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		pod, err := pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		if err != nil {
			return err
		}
		return expect(pod.Status.Phase == corev1.PodRunning, "Running, got %s", pod.Status.Phase)
	}); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if err := change(func(ctx context.Context, pod *corev1.Pod) error {
		debug := corev1.EphemeralContainerCommon{Name: "debug", Image: "i"}
		pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: debug}}
		_, err := pods.UpdateEphemeralContainers(ctx, "p", pod, metav1.UpdateOptions{})
		return err
	}); err != nil {
		return fmt.Errorf("ephemeral containers: %w", err)
	}
	return pods.EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: s.namespace}})
}

func reviewPart(ctx context.Context, s *suite) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}
	if _, err := s.client.CoreV1().ServiceAccounts(s.namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return err
	}
	token, err := s.client.CoreV1().ServiceAccounts(s.namespace).CreateToken(ctx, "robot", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}
	if review, err = s.client.AuthenticationV1().TokenReviews().Create(ctx, review, metav1.CreateOptions{}); err != nil {
		return err
	}
	user := "system:serviceaccount:" + s.namespace + ":robot"
	if err := expect(review.Status.Authenticated && review.Status.User.Username == user, "%s, got %+v", user, review.Status); err != nil {
		return err
	}
	access := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Namespace: s.namespace},
	}}
	if access, err = s.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, access, metav1.CreateOptions{}); err != nil {
		return err
	}
	return expect(!access.Status.Allowed, "no access, got %+v", access.Status)
}
