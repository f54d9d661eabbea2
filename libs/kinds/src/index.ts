export {
  admissionEnvironment,
  storedAdmissionEnvironment,
} from './admissionregistration.k8s.io/v1/admission-environment.js';
export {
  applyConfigurationResult,
  jsonPatchResult,
  mutationType,
} from './admissionregistration.k8s.io/v1/policy-expressions.js';
export {
  type CheckedKind,
  typeWarnings,
} from './admissionregistration.k8s.io/v1/validating-admission-policy/type-check.js';
export { CLEANUP_FINALIZER } from './apiextensions.k8s.io/v1/custom-resource-definition/custom-resource-definition.deletion.js';
export { applyScale, scaleOf } from './autoscaling/v1/scale/scale.js';
export { type CronSchedule, parseCronSchedule, timeZoneProblem } from './batch/v1/cron-job/cron-schedule.js';
export { allResources, findKind, findResource } from './built-in/resources.js';
export { usageResources } from './built-in/usage-resources.js';
export {
  type PemBlock,
  pemBlocks,
  requestProblem,
} from './certificates.k8s.io/v1/certificate-signing-request/certificate-request.js';
export type { Table } from './columns/table.js';
export { type Conversion, convertEach } from './contract/conversion.js';
export * from './contract/definition.js';
export * from './core/v1/persistent-volume/claim-matching.js';
export * from './core/v1/persistent-volume-claim/claim-of-volume.js';
export { fitsRequiredAffinity, selectsNode } from './core/v1/pod/node-affinity.js';
export { podQosClass } from './core/v1/pod/pod-qos.js';
export {
  apiObjectReference,
  MIRROR_POD_ANNOTATION,
  type PodReferences,
  podReferences,
} from './core/v1/pod/pod-references.js';
export { toleratedTime, tolerates } from './core/v1/pod/taint-toleration.js';
export { INVALID_SINCE_LABEL, LAST_USED_LABEL } from './core/v1/secret/legacy-token-labels.js';
export { clusterIpErrors } from './core/v1/service/service-cluster-ip.validation.js';
export {
  APPROVAL_FORM,
  APPROVAL_NEEDED,
  APPROVED,
  approvalOf,
  isProtectedGroup,
  SEE_APPROVAL,
} from './custom-resource/api-approval.js';
export {
  type CustomResourceOptions,
  customResources,
  isServed,
  servedForm,
  storedCustomResource,
} from './custom-resource/custom-resources.js';
export * from './custom-resource/definition-conditions.js';
export { defineFromSchema, type SchemaResource } from './definition/define-from-schema.js';
export * from './discovery/discovery.js';
export { type CatalogChange, type CatalogListener, isStored, ResourceCatalog } from './discovery/resource-catalog.js';
export { compareKubeVersions, sortKubeVersions } from './discovery/version-order.js';
export { gvr } from './generated/gvr.js';
export type * from './generated/types.js';
export { validateAnnotations } from './meta/object-meta.validation.js';
export {
  hasServiceAddressLabels,
  isServiceAddress,
  serviceAddressLabels,
} from './networking.k8s.io/v1/ip-address/service-address-labels.js';
export { openApiV2, openApiV3, openApiV3Path } from './openapi/openapi.js';
export { OPENAPI_V2_PROTOBUF, OPENAPI_V2_PROTOBUF_ASKED, openApiV2Protobuf } from './openapi/openapi-v2-protobuf.js';
export {
  disruptionAllowed,
  SYNC_FAILED,
  withDisruptionAllowed,
  withSyncFailure,
} from './policy/v1/pod-disruption-budget/disruption-allowed.js';
export { type BootstrapRbac, bootstrapRbac } from './rbac.authorization.k8s.io/v1/rbac-bootstrap.js';
export { customObjectType, objectType } from './schema/cel-type.js';
export { type Decoded, DecodeError, decodeAs } from './schema/decode.js';
export { schemaNode } from './schema/schema-node.js';
export { RULES_COMPILED, RULES_EVALUATED, type RuleTiming } from './schema/structural/rule-timing.js';
export type { StructuralSchema } from './schema/structural/structural.js';
export { newestDefault } from './strategy/newest-default.js';
