"""Uses the cluster of KUBECONFIG through the Python client; prints `ok NAME` or `FAIL NAME: REASON` for each part."""

import sys
import tempfile
import threading
import time
import traceback

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

config.load_kube_config()
core = client.CoreV1Api()
apps = client.AppsV1Api()
LABELS = {"app": "web"}


def config_map(name, data=None):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=LABELS), data=data or {})


def deployment(name):
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=LABELS),
        spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="i")]),
    )
    spec = client.V1DeploymentSpec(replicas=1, selector=client.V1LabelSelector(match_labels=LABELS), template=template)
    return client.V1Deployment(metadata=client.V1ObjectMeta(name=name), spec=spec)


def until(ready, what):
    deadline = time.time() + 20
    while time.time() < deadline:
        value = ready()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"no {what}")


def refused(code, call, *args, **options):
    try:
        call(*args, **options)
    except ApiException as error:
        assert error.status == code, f"{error.status} in place of {code}: {error.body}"
        return error
    raise AssertionError(f"accepted, in place of {code}")


def typed_objects(namespace):
    core.create_namespaced_config_map(namespace, config_map("a", {"k": "v"}))
    read = core.read_namespaced_config_map("a", namespace)
    assert read.data == {"k": "v"} and read.metadata.creation_timestamp.tzinfo is not None
    read.data["k"] = "w"
    core.replace_namespaced_config_map("a", namespace, read)
    found = core.list_namespaced_config_map(namespace, label_selector="app=web")
    assert [item.data["k"] for item in found.items] == ["w"]
    apps.create_namespaced_deployment(namespace, deployment("web"))
    until(lambda: apps.list_namespaced_replica_set(namespace).items, "ReplicaSet")
    # The client checks what the server says against its model: every field of these has to fit.
    core.list_node()
    core.list_namespace()
    client.RbacAuthorizationV1Api().list_cluster_role()
    client.FlowcontrolApiserverV1Api().list_priority_level_configuration()
    client.ApiextensionsV1Api().list_custom_resource_definition()
    client.ApiregistrationV1Api().list_api_service()
    core.delete_namespaced_config_map("a", namespace)
    refused(404, core.read_namespaced_config_map, "a", namespace)


def errors(namespace):
    refused(404, core.read_namespaced_config_map, "none", namespace)
    refused(422, core.create_namespaced_config_map, namespace, config_map("A"))
    core.create_namespaced_config_map(namespace, config_map("a"))
    refused(409, core.create_namespaced_config_map, namespace, config_map("a"))


def patches(namespace):
    apps.create_namespaced_deployment(namespace, deployment("web"))
    # A dict is sent as a strategic merge patch, a list as a JSON patch.
    container = {"name": "d", "image": "i"}
    apps.patch_namespaced_deployment("web", namespace, {"spec": {"template": {"spec": {"containers": [container]}}}})
    apps.patch_namespaced_deployment("web", namespace, [{"op": "replace", "path": "/spec/replicas", "value": 0}])
    read = apps.read_namespaced_deployment("web", namespace)
    assert read.spec.replicas == 0
    assert sorted(item.name for item in read.spec.template.spec.containers) == ["c", "d"]


def server_side_apply(namespace):
    def apply(manager, value):
        return core.patch_namespaced_config_map(
            "applied",
            namespace,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"k": value}},
            field_manager=manager,
            _content_type="application/apply-patch+yaml",
        )

    apply("one", "1")
    refused(409, apply, "two", "2")
    assert apply("one", "3").data == {"k": "3"}


MANIFESTS = """
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: c}
spec:
  schedule: "0 0 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
"""


def manifests_from_a_file(namespace):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(MANIFESTS)
        file.flush()
        utils.create_from_yaml(client.ApiClient(), file.name, namespace=namespace)
    assert core.read_namespaced_service("s", namespace).spec.cluster_ip.startswith("10.")
    assert client.BatchV1Api().read_namespaced_cron_job("c", namespace).spec.schedule == "0 0 * * *"


def watches(namespace):
    begun = core.list_namespaced_config_map(namespace).metadata.resource_version

    def change():
        core.create_namespaced_config_map(namespace, config_map("w"))
        core.delete_namespaced_config_map("w", namespace)

    threading.Timer(0.2, change).start()
    seen = []
    stream = watch.Watch()
    options = {"resource_version": begun, "timeout_seconds": 20}
    for event in stream.stream(core.list_namespaced_config_map, namespace, **options):
        seen.append((event["type"], event["object"].metadata.name))
        if ("DELETED", "w") in seen:
            stream.stop()
    assert ("ADDED", "w") in seen and ("DELETED", "w") in seen, seen


def definition(group):
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 10}}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def custom_resources(namespace):
    group = f"{namespace}.example.com"
    api = client.ApiextensionsV1Api()
    api.create_custom_resource_definition(definition(group))
    custom = client.CustomObjectsApi()
    place = (group, "v1", namespace, "widgets")

    def served():
        try:
            return custom.list_namespaced_custom_object(*place)
        except ApiException:
            return None

    until(served, "served widgets")

    def widget(size):
        return {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": size}}

    refused(422, custom.create_namespaced_custom_object, *place, widget(11))
    custom.create_namespaced_custom_object(*place, widget(3))
    assert custom.get_namespaced_custom_object(*place, "w")["spec"]["size"] == 3
    api.delete_custom_resource_definition(f"widgets.{group}")


def dynamic_client(namespace):
    found = dynamic.DynamicClient(client.ApiClient())
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}, "data": {"k": "v"}}
    maps.create(body=body, namespace=namespace)
    assert maps.get(name="d", namespace=namespace).data.k == "v"
    maps.server_side_apply(body={**body, "data": {"k": "w"}}, namespace=namespace, field_manager="d", force_conflicts=True)
    assert maps.get(name="d", namespace=namespace).data.k == "w"
    maps.delete(name="d", namespace=namespace)


def tokens_and_reviews(namespace):
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "robot"}})
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    token = core.create_namespaced_service_account_token("robot", namespace, request).status.token
    settings = client.Configuration.get_default_copy()
    robot = client.Configuration()
    robot.host, robot.ssl_ca_cert = settings.host, settings.ssl_ca_cert
    robot.api_key = {"authorization": f"Bearer {token}"}
    as_robot = client.ApiClient(robot)
    refused(403, client.CoreV1Api(as_robot).list_namespaced_secret, namespace)
    who = client.AuthenticationV1Api(as_robot).create_self_subject_review(client.V1SelfSubjectReview())
    assert who.status.user_info.username == f"system:serviceaccount:{namespace}:robot"


def leader_election(namespace):
    leads = threading.Event()
    election = electionconfig.Config(
        LeaseLock("leader", namespace, "one"),
        lease_duration=5,
        renew_deadline=4,
        retry_period=1,
        onstarted_leading=leads.set,
        onstopped_leading=lambda: None,
    )
    threading.Thread(target=leaderelection.LeaderElection(election).run, daemon=True).start()
    assert leads.wait(20)
    assert client.CoordinationV1Api().read_namespaced_lease("leader", namespace).spec.holder_identity == "one"


PARTS = [
    typed_objects,
    errors,
    patches,
    server_side_apply,
    manifests_from_a_file,
    watches,
    custom_resources,
    dynamic_client,
    tokens_and_reviews,
    leader_election,
]

failed = False
for part in PARTS:
    name = part.__name__.replace("_", " ").replace("server side", "server-side")
    space = core.create_namespace({"metadata": {"generateName": "python-"}}).metadata.name
    try:
        part(space)
        print(f"ok {name}", flush=True)
    except BaseException:  # the next part runs whatever this one does
        failed = True
        print(f"FAIL {name}: {traceback.format_exc()!r}", flush=True)
    core.delete_namespace(space)
sys.exit(1 if failed else 0)
