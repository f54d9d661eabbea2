export { applyScale, scaleOf } from './autoscaling/v1/scale.js';
export { type Table, tableOf } from './columns/table.js';
export { clusterIpErrors } from './core/v1/service-cluster-ip.validation.js';
export { defaulterFor } from './defaults/defaulter.js';
export * from './definition.js';
export * from './discovery.js';
export { gvr } from './generated/gvr.js';
export type * from './generated/types.js';
export {
  validateAnnotations,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from './meta/object-meta.validation.js';
export { openApiV2, openApiV3, openApiV3Path } from './openapi/openapi.js';
export { type BootstrapRbac, bootstrapRbac } from './rbac-bootstrap.js';
export type { KindStrategy, KindValidator } from './registry/kind-strategy.js';
export { allResources, findKind, findResource } from './registry/resources.js';
export { type Decoded, DecodeError, decodeAs, zeroOf } from './schema/decode.js';
export { schemaNode } from './schema/schema-node.js';
