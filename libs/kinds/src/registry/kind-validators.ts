import { mutatingAdmissionPolicyValidator } from '../admissionregistration.k8s.io/v1/mutating-admission-policy/mutating-admission-policy.validation.js';
import { mutatingAdmissionPolicyBindingValidator } from '../admissionregistration.k8s.io/v1/mutating-admission-policy-binding/mutating-admission-policy-binding.validation.js';
import { mutatingWebhookConfigurationValidator } from '../admissionregistration.k8s.io/v1/mutating-webhook-configuration/mutating-webhook-configuration.validation.js';
import { validatingAdmissionPolicyValidator } from '../admissionregistration.k8s.io/v1/validating-admission-policy/validating-admission-policy.validation.js';
import { validatingAdmissionPolicyBindingValidator } from '../admissionregistration.k8s.io/v1/validating-admission-policy-binding/validating-admission-policy-binding.validation.js';
import { validatingWebhookConfigurationValidator } from '../admissionregistration.k8s.io/v1/validating-webhook-configuration/validating-webhook-configuration.validation.js';
import { customResourceDefinitionValidator } from '../apiextensions.k8s.io/v1/custom-resource-definition/custom-resource-definition.validation.js';
import { apiServiceValidator } from '../apiregistration.k8s.io/v1/api-service/api-service.validation.js';
import { controllerRevisionValidator } from '../apps/v1/controller-revision/controller-revision.validation.js';
import { daemonSetValidator } from '../apps/v1/daemon-set.validation.js';
import { deploymentValidator } from '../apps/v1/deployment.validation.js';
import { replicaSetValidator } from '../apps/v1/replica-set.validation.js';
import { statefulSetValidator } from '../apps/v1/stateful-set.validation.js';
import {
  horizontalPodAutoscalerV1Validator,
  horizontalPodAutoscalerValidator,
} from '../autoscaling/v2/horizontal-pod-autoscaler/horizontal-pod-autoscaler.validation.js';
import { cronJobValidator } from '../batch/v1/cron-job.validation.js';
import { jobValidator } from '../batch/v1/job.validation.js';
import { certificateSigningRequestValidator } from '../certificates.k8s.io/v1/certificate-signing-request.validation.js';
import { clusterTrustBundleValidator } from '../certificates.k8s.io/v1/cluster-trust-bundle/cluster-trust-bundle.validation.js';
import { podCertificateRequestValidator } from '../certificates.k8s.io/v1/pod-certificate-request/pod-certificate-request.validation.js';
import { leaseValidator } from '../coordination.k8s.io/v1/lease.validation.js';
import { configMapValidator } from '../core/v1/config-map.validation.js';
import { endpointsValidator } from '../core/v1/endpoints.validation.js';
import { eventValidator, newEventValidator } from '../core/v1/event.validation.js';
import { limitRangeValidator } from '../core/v1/limit-range/limit-range.validation.js';
import { namespaceValidator } from '../core/v1/namespace.validation.js';
import { nodeValidator } from '../core/v1/node.validation.js';
import { persistentVolumeValidator } from '../core/v1/persistent-volume.validation.js';
import { persistentVolumeClaimValidator } from '../core/v1/persistent-volume-claim.validation.js';
import { podValidator } from '../core/v1/pod.validation.js';
import { podTemplateValidator } from '../core/v1/pod-template.validation.js';
import { replicationControllerValidator } from '../core/v1/replication-controller.validation.js';
import { resourceQuotaValidator } from '../core/v1/resource-quota/resource-quota.validation.js';
import { secretValidator } from '../core/v1/secret.validation.js';
import { serviceValidator } from '../core/v1/service.validation.js';
import { endpointSliceValidator } from '../discovery.k8s.io/v1/endpoint-slice.validation.js';
import { flowSchemaValidator } from '../flowcontrol.apiserver.k8s.io/v1/flow-schema/flow-schema.validation.js';
import { priorityLevelConfigurationValidator } from '../flowcontrol.apiserver.k8s.io/v1/priority-level-configuration/priority-level-configuration.validation.js';
import { ingressValidator } from '../networking.k8s.io/v1/ingress/ingress.validation.js';
import { ingressClassValidator } from '../networking.k8s.io/v1/ingress-class/ingress-class.validation.js';
import { ipAddressValidator } from '../networking.k8s.io/v1/ip-address/ip-address.validation.js';
import { networkPolicyValidator } from '../networking.k8s.io/v1/network-policy/network-policy.validation.js';
import { serviceCidrValidator } from '../networking.k8s.io/v1/service-cidr/service-cidr.validation.js';
import { runtimeClassValidator } from '../node.k8s.io/v1/runtime-class/runtime-class.validation.js';
import { podDisruptionBudgetValidator } from '../policy/v1/pod-disruption-budget/pod-disruption-budget.validation.js';
import {
  clusterRoleBindingValidator,
  clusterRoleValidator,
  roleBindingValidator,
  roleValidator,
} from '../rbac.authorization.k8s.io/v1/rbac.validation.js';
import { deviceClassValidator } from '../resource.k8s.io/v1/device-class/device-class.validation.js';
import { deviceTaintRuleValidator } from '../resource.k8s.io/v1/device-taint-rule/device-taint-rule.validation.js';
import { resourceClaimValidator } from '../resource.k8s.io/v1/resource-claim/resource-claim.validation.js';
import { resourceClaimTemplateValidator } from '../resource.k8s.io/v1/resource-claim-template/resource-claim-template.validation.js';
import { resourceSliceValidator } from '../resource.k8s.io/v1/resource-slice/resource-slice.validation.js';
import { priorityClassValidator } from '../scheduling.k8s.io/v1/priority-class/priority-class.validation.js';
import { csiDriverValidator } from '../storage.k8s.io/v1/csi-driver/csi-driver.validation.js';
import { csiNodeValidator } from '../storage.k8s.io/v1/csi-node/csi-node.validation.js';
import { csiStorageCapacityValidator } from '../storage.k8s.io/v1/csi-storage-capacity/csi-storage-capacity.validation.js';
import { storageClassValidator } from '../storage.k8s.io/v1/storage-class/storage-class.validation.js';
import { volumeAttachmentValidator } from '../storage.k8s.io/v1/volume-attachment/volume-attachment.validation.js';
import { volumeAttributesClassValidator } from '../storage.k8s.io/v1/volume-attributes-class/volume-attributes-class.validation.js';
import { storageVersionMigrationValidator } from '../storagemigration.k8s.io/v1/storage-version-migration/storage-version-migration.validation.js';
import type { KindValidator } from './kind-strategy.js';

/**
 * Validation by kind. Metadata is checked for all kinds alike, and what is here adds to that. Every kind whose objects can
 * be updated has a line here; its file is `<group>/<version>/<kind>/<kind>.validation.ts`, or one level up.
 */
export const kindValidators: Readonly<Record<string, KindValidator>> = {
  'v1/Namespace': namespaceValidator,
  'v1/Node': nodeValidator,
  'v1/PersistentVolume': persistentVolumeValidator,
  'v1/PersistentVolumeClaim': persistentVolumeClaimValidator,
  'v1/Pod': podValidator,
  'v1/PodTemplate': podTemplateValidator,
  'v1/ReplicationController': replicationControllerValidator,
  'v1/Service': serviceValidator,
  'v1/Endpoints': endpointsValidator,
  'v1/ConfigMap': configMapValidator,
  'v1/Secret': secretValidator,
  // Its metadata is all there is to check.
  'v1/ServiceAccount': { rules: [], validateCreate: () => [], validateUpdate: () => [] },
  'v1/Event': eventValidator,
  'events.k8s.io/v1/Event': newEventValidator,
  'apps/v1/Deployment': deploymentValidator,
  'apps/v1/ReplicaSet': replicaSetValidator,
  'apps/v1/DaemonSet': daemonSetValidator,
  'apps/v1/StatefulSet': statefulSetValidator,
  'batch/v1/Job': jobValidator,
  'batch/v1/CronJob': cronJobValidator,
  'discovery.k8s.io/v1/EndpointSlice': endpointSliceValidator,
  'coordination.k8s.io/v1/Lease': leaseValidator,
  'certificates.k8s.io/v1/CertificateSigningRequest': certificateSigningRequestValidator,
  'rbac.authorization.k8s.io/v1/Role': roleValidator,
  'rbac.authorization.k8s.io/v1/ClusterRole': clusterRoleValidator,
  'rbac.authorization.k8s.io/v1/RoleBinding': roleBindingValidator,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': clusterRoleBindingValidator,
  'networking.k8s.io/v1/NetworkPolicy': networkPolicyValidator,
  'networking.k8s.io/v1/Ingress': ingressValidator,
  'networking.k8s.io/v1/IngressClass': ingressClassValidator,
  'networking.k8s.io/v1/IPAddress': ipAddressValidator,
  'networking.k8s.io/v1/ServiceCIDR': serviceCidrValidator,
  'policy/v1/PodDisruptionBudget': podDisruptionBudgetValidator,
  'autoscaling/v2/HorizontalPodAutoscaler': horizontalPodAutoscalerValidator,
  'v1/LimitRange': limitRangeValidator,
  'v1/ResourceQuota': resourceQuotaValidator,
  'scheduling.k8s.io/v1/PriorityClass': priorityClassValidator,
  'node.k8s.io/v1/RuntimeClass': runtimeClassValidator,
  'autoscaling/v1/HorizontalPodAutoscaler': horizontalPodAutoscalerV1Validator,
  'storage.k8s.io/v1/StorageClass': storageClassValidator,
  'storage.k8s.io/v1/CSIDriver': csiDriverValidator,
  'storage.k8s.io/v1/CSINode': csiNodeValidator,
  'storage.k8s.io/v1/CSIStorageCapacity': csiStorageCapacityValidator,
  'storage.k8s.io/v1/VolumeAttachment': volumeAttachmentValidator,
  'storage.k8s.io/v1/VolumeAttributesClass': volumeAttributesClassValidator,
  'apps/v1/ControllerRevision': controllerRevisionValidator,
  'storagemigration.k8s.io/v1/StorageVersionMigration': storageVersionMigrationValidator,
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': validatingWebhookConfigurationValidator,
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': mutatingWebhookConfigurationValidator,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': validatingAdmissionPolicyValidator,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': validatingAdmissionPolicyBindingValidator,
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy': mutatingAdmissionPolicyValidator,
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding': mutatingAdmissionPolicyBindingValidator,
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': flowSchemaValidator,
  'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration': priorityLevelConfigurationValidator,
  'apiregistration.k8s.io/v1/APIService': apiServiceValidator,
  'certificates.k8s.io/v1/ClusterTrustBundle': clusterTrustBundleValidator,
  'apiextensions.k8s.io/v1/CustomResourceDefinition': customResourceDefinitionValidator,
  'resource.k8s.io/v1/ResourceClaim': resourceClaimValidator,
  'resource.k8s.io/v1/ResourceClaimTemplate': resourceClaimTemplateValidator,
  'resource.k8s.io/v1/DeviceClass': deviceClassValidator,
  'resource.k8s.io/v1/DeviceTaintRule': deviceTaintRuleValidator,
  'resource.k8s.io/v1/ResourceSlice': resourceSliceValidator,
  'certificates.k8s.io/v1/PodCertificateRequest': podCertificateRequestValidator,
};
