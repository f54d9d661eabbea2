import { customResourceDefinitionStrategy } from '../apiextensions.k8s.io/v1/custom-resource-definition/custom-resource-definition.strategy.js';
import { apiServiceStrategy } from '../apiregistration.k8s.io/v1/api-service/api-service.strategy.js';
import { daemonSetStrategy } from '../apps/v1/daemon-set/daemon-set.strategy.js';
import { deploymentStrategy } from '../apps/v1/deployment/deployment.strategy.js';
import { statefulSetStrategy } from '../apps/v1/stateful-set/stateful-set.strategy.js';
import { jobStrategy } from '../batch/v1/job/job.strategy.js';
import { certificateSigningRequestStrategy } from '../certificates.k8s.io/v1/certificate-signing-request/certificate-signing-request.strategy.js';
import type { KindStrategy } from '../contract/kind-module.js';
import { limitRangeStrategy } from '../core/v1/limit-range/limit-range.strategy.js';
import { namespaceStrategy } from '../core/v1/namespace/namespace.strategy.js';
import { nodeStrategy } from '../core/v1/node/node.strategy.js';
import {
  persistentVolumeClaimStrategy,
  persistentVolumeStrategy,
} from '../core/v1/persistent-volume/persistent-volume.strategy.js';
import { podStrategy } from '../core/v1/pod/pod.strategy.js';
import { secretStrategy } from '../core/v1/secret/secret.strategy.js';
import { serviceStrategy } from '../core/v1/service/service.strategy.js';
import { endpointSliceStrategy } from '../discovery.k8s.io/v1/endpoint-slice/endpoint-slice.strategy.js';

/** Kinds that differ from the generic strategy, by group/version/Kind. */
export const kindStrategies: Readonly<Record<string, KindStrategy>> = {
  'v1/Pod': podStrategy,
  'v1/Namespace': namespaceStrategy,
  'v1/Node': nodeStrategy,
  'v1/Service': serviceStrategy,
  'v1/Secret': secretStrategy,
  'v1/PersistentVolume': persistentVolumeStrategy,
  'v1/PersistentVolumeClaim': persistentVolumeClaimStrategy,
  'v1/LimitRange': limitRangeStrategy,
  'v1/PodTemplate': { generationOf: ['template'] },
  'v1/ReplicationController': { defaultPropagation: 'Orphan' },
  'apps/v1/Deployment': deploymentStrategy,
  'apps/v1/DaemonSet': daemonSetStrategy,
  'apps/v1/StatefulSet': statefulSetStrategy,
  'batch/v1/Job': jobStrategy,
  'discovery.k8s.io/v1/EndpointSlice': endpointSliceStrategy,
  // Its generation is set once.
  'scheduling.k8s.io/v1/PriorityClass': { generationOf: [] },
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': { generationOf: ['webhooks'] },
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': { generationOf: ['webhooks'] },
  'certificates.k8s.io/v1/CertificateSigningRequest': certificateSigningRequestStrategy,
  'apiextensions.k8s.io/v1/CustomResourceDefinition': customResourceDefinitionStrategy,
  'apiregistration.k8s.io/v1/APIService': apiServiceStrategy,
};
