package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const finalizer = "controller-runtime.example.com/farewell"

type reconciler struct{ client.Client }

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	guestbook := &Guestbook{}
	if err := r.Get(ctx, request.NamespacedName, guestbook); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !guestbook.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.farewell(ctx, guestbook)
	}
	if controllerutil.AddFinalizer(guestbook, finalizer) {
		return ctrl.Result{}, r.Update(ctx, guestbook)
	}
	page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: guestbook.Name, Namespace: guestbook.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, page, func() error {
		page.Data = map[string]string{"message": guestbook.Spec.Message, "author": guestbook.Spec.Author}
		return controllerutil.SetControllerReference(guestbook, page, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	if guestbook.Status.Written == guestbook.Spec.Message {
		return ctrl.Result{}, nil
	}
	guestbook.Status.Written = guestbook.Spec.Message
	return ctrl.Result{}, r.Status().Update(ctx, guestbook)
}

func (r *reconciler) farewell(ctx context.Context, guestbook *Guestbook) error {
	if !controllerutil.ContainsFinalizer(guestbook, finalizer) {
		return nil
	}
	note := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: guestbook.Name + "-farewell", Namespace: guestbook.Namespace}}
	if err := r.Create(ctx, note); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	controllerutil.RemoveFinalizer(guestbook, finalizer)
	return r.Update(ctx, guestbook)
}

func reconcilePart(ctx context.Context, c client.Client) error {
	if err := c.Create(ctx, book("one", "hello")); err != nil {
		return err
	}
	if err := until(ctx, shows(ctx, c, "one", "hello")); err != nil {
		return err
	}
	guestbook := &Guestbook{}
	if err := until(ctx, func() (bool, error) {
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "one"}, guestbook)
		return err == nil && guestbook.Status.Written == "hello", err
	}); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	before := guestbook.DeepCopyObject().(*Guestbook)
	guestbook.Spec.Message = "good day"
	if err := c.Patch(ctx, guestbook, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	return until(ctx, shows(ctx, c, "one", "good day"))
}

func repairPart(ctx context.Context, c client.Client) error {
	page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Namespace: namespace}}
	if err := c.Get(ctx, client.ObjectKeyFromObject(page), page); err != nil {
		return err
	}
	uid := page.UID
	if err := c.Delete(ctx, page); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(page), page)
		return err == nil && page.UID != uid, err
	})
}

func finalizerPart(ctx context.Context, c client.Client) error {
	if err := c.Delete(ctx, book("one", "")); err != nil {
		return err
	}
	key := client.ObjectKey{Namespace: namespace, Name: "one-farewell"}
	if err := until(ctx, func() (bool, error) { err := c.Get(ctx, key, &corev1.ConfigMap{}); return err == nil, err }); err != nil {
		return err
	}
	// The garbage collector takes what the object owned.
	return until(ctx, func() (bool, error) {
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "one"}, &corev1.ConfigMap{})
		return apierrors.IsNotFound(err), err
	})
}

func shows(ctx context.Context, c client.Client, name, message string) func() (bool, error) {
	return func() (bool, error) {
		page := &corev1.ConfigMap{}
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, page)
		return err == nil && page.Data["message"] == message && page.Data["author"] == "anonymous", err
	}
}
