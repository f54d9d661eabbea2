package main

import (
	"context"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var groupVersion = schema.GroupVersion{Group: "controller-runtime.example.com", Version: "v1"}

type GuestbookSpec struct {
	Message string `json:"message"`
	Author  string `json:"author,omitempty"`
}

type GuestbookStatus struct {
	Written string `json:"written,omitempty"`
}

// Guestbook is the kind of the operator: it keeps a ConfigMap with its message.
type Guestbook struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              GuestbookSpec   `json:"spec"`
	Status            GuestbookStatus `json:"status,omitempty"`
}

func (g *Guestbook) DeepCopyObject() runtime.Object {
	copied := *g
	copied.ObjectMeta = *g.ObjectMeta.DeepCopy()
	return &copied
}

type GuestbookList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Guestbook `json:"items"`
}

func (l *GuestbookList) DeepCopyObject() runtime.Object {
	copied := *l
	copied.Items = nil
	for i := range l.Items {
		copied.Items = append(copied.Items, *l.Items[i].DeepCopyObject().(*Guestbook))
	}
	return &copied
}

func addToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(groupVersion, &Guestbook{}, &GuestbookList{})
	metav1.AddToGroupVersion(scheme, groupVersion)
	return nil
}

// define creates the definition and waits until it is served.
func define(ctx context.Context, c client.Client) error {
	text := apiextensionsv1.JSONSchemaProps{Type: "string"}
	definition := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "guestbooks." + groupVersion.Group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: groupVersion.Group,
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "guestbooks", Kind: "Guestbook"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: groupVersion.Version, Served: true, Storage: true,
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object",
					Properties: map[string]apiextensionsv1.JSONSchemaProps{
						"spec":   {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"message": text, "author": text}},
						"status": {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"written": text}},
					},
				}},
			}},
		},
	}
	if err := c.Create(ctx, definition); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		err := c.List(ctx, &GuestbookList{}, client.InNamespace(namespace))
		return err == nil, err
	})
}
