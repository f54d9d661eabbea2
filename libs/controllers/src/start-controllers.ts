import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { bare } from '#apimachinery';
import { LeaderElection } from '#client';
import { validatingAdmissionPolicyStatus } from './admissionregistration/validating-admission-policy-status.reconciler.js';
import { configRolloutController } from './apps/config-rollout.reconciler.js';
import { daemonSetController } from './apps/daemon-set.reconciler.js';
import { deploymentController } from './apps/deployment.reconciler.js';
import { replicaSetController } from './apps/replica-set.reconciler.js';
import { statefulSetController } from './apps/stateful-set.reconciler.js';
import { horizontalPodAutoscalerController } from './autoscaling/horizontal-pod-autoscaler.reconciler.js';
import { cronJobController } from './batch/cron-job.reconciler.js';
import { jobController } from './batch/job.reconciler.js';
import { ttlAfterFinishedController } from './batch/ttl-after-finished.reconciler.js';
import { certificateApprovingController } from './certificates/certificate-signing-request-approving.reconciler.js';
import { certificateCleaner } from './certificates/certificate-signing-request-cleaner.reconciler.js';
import { certificateSigningController } from './certificates/certificate-signing-request-signing.reconciler.js';
import { clusterTrustBundlePublisher } from './certificates/cluster-trust-bundle-publisher.reconciler.js';
import { podCertificateRequestCleaner } from './certificates/pod-certificate-request-cleaner.reconciler.js';
import type { ControllerContext, ControllerFactory } from './context.js';
import { ControllerHealth } from './controller-health.js';
import { endpointsController } from './core/endpoints.reconciler.js';
import { namespaceController } from './core/namespace.reconciler.js';
import { replicationController } from './core/replication-controller.reconciler.js';
import { rootCAPublisher } from './core/root-ca-publisher.reconciler.js';
import { serviceAccountController } from './core/service-account.reconciler.js';
import { clusterDnsController } from './discovery/cluster-dns.reconciler.js';
import { endpointSliceController } from './discovery/endpoint-slice.reconciler.js';
import { endpointSliceMirroringController } from './discovery/endpoint-slice-mirroring.reconciler.js';
import { garbageCollector } from './gc/garbage-collector.reconciler.js';
import { nodeIpamController } from './node/node-ipam.reconciler.js';
import { nodeLifecycleController } from './node/node-lifecycle.reconciler.js';
import { nodeTtlController } from './node/node-ttl.reconciler.js';
import { podGarbageCollector } from './node/pod-gc.reconciler.js';
import { taintEvictionController } from './node/taint-eviction.reconciler.js';
import { disruptionController } from './policy/disruption.reconciler.js';
import { clusterRoleAggregation } from './rbac/cluster-role-aggregation.reconciler.js';
import { clusterIpRepair } from './services/cluster-ip-repair.reconciler.js';
import { loadBalancerController } from './services/load-balancer.reconciler.js';
import { serviceCidrController } from './services/service-cidr.reconciler.js';
import { ephemeralVolumeController } from './storage/ephemeral-volume.reconciler.js';
import { localPathProvisioner } from './storage/local-path-provisioner.reconciler.js';
import { persistentVolumeBinder } from './storage/persistent-volume-binder.reconciler.js';
import { persistentVolumeClaimProtection } from './storage/persistent-volume-claim-protection.reconciler.js';
import { persistentVolumeProtection } from './storage/persistent-volume-protection.reconciler.js';
import { volumeAttributesClassProtection } from './storage/volume-attributes-class-protection.reconciler.js';
import { storageVersionMigrator } from './storagemigration/storage-version-migrator.reconciler.js';
import { superviseController } from './supervise-controller.js';
import { bootstrapSigner } from './tokens/bootstrap-signer.reconciler.js';
import { legacyTokenCleaner } from './tokens/legacy-token-cleaner.reconciler.js';
import { serviceAccountTokenController } from './tokens/service-account-token.reconciler.js';
import { tokenCleaner } from './tokens/token-cleaner.reconciler.js';

/** Every control loop, by the name that `--controllers` style lists use. */
export const CONTROLLERS = bare<ControllerFactory>({
  'deployment-controller': deploymentController,
  'config-rollout-controller': configRolloutController,
  'daemonset-controller': daemonSetController,
  'replicaset-controller': replicaSetController,
  'job-controller': jobController,
  'cronjob-controller': cronJobController,
  'ttl-after-finished-controller': ttlAfterFinishedController,
  'statefulset-controller': statefulSetController,
  'replicationcontroller-controller': replicationController,
  'endpointslice-controller': endpointSliceController,
  'endpointslice-mirroring-controller': endpointSliceMirroringController,
  'endpoints-controller': endpointsController,
  'cluster-dns-controller': clusterDnsController,
  'service-cidr-controller': serviceCidrController,
  'cluster-ip-repair-controller': clusterIpRepair,
  'service-lb-controller': loadBalancerController,
  'namespace-controller': namespaceController,
  'serviceaccount-token-controller': serviceAccountTokenController,
  'legacy-serviceaccount-token-cleaner-controller': legacyTokenCleaner,
  'bootstrap-signer-controller': bootstrapSigner,
  'token-cleaner-controller': tokenCleaner,
  'serviceaccount-controller': serviceAccountController,
  'root-ca-certificate-publisher-controller': rootCAPublisher,
  'clusterrole-aggregation-controller': clusterRoleAggregation,
  'node-lifecycle-controller': nodeLifecycleController,
  'taint-eviction-controller': taintEvictionController,
  'node-ipam-controller': nodeIpamController,
  'ttl-controller': nodeTtlController,
  'pod-garbage-collector-controller': podGarbageCollector,
  'horizontal-pod-autoscaler-controller': horizontalPodAutoscalerController,
  'disruption-controller': disruptionController,
  'persistentvolume-binder-controller': persistentVolumeBinder,
  'local-path-provisioner-controller': localPathProvisioner,
  'ephemeral-volume-controller': ephemeralVolumeController,
  'persistentvolumeclaim-protection-controller': persistentVolumeClaimProtection,
  'persistentvolume-protection-controller': persistentVolumeProtection,
  'volumeattributesclass-protection-controller': volumeAttributesClassProtection,
  'certificatesigningrequest-approving-controller': certificateApprovingController,
  'certificatesigningrequest-signing-controller': certificateSigningController,
  'certificatesigningrequest-cleaner-controller': certificateCleaner,
  'podcertificaterequest-cleaner-controller': podCertificateRequestCleaner,
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': clusterTrustBundlePublisher,
  'storage-version-migrator-controller': storageVersionMigrator,
  'validatingadmissionpolicy-status-controller': validatingAdmissionPolicyStatus,
  // Last: it uses the informers that the others have asked for.
  'garbage-collector-controller': garbageCollector,
});

export interface StartOptions extends ControllerContext {
  /** Ends the control loops; the promise resolves when they have finished what they had in hand. */
  signal: AbortSignal;
  /** Told how each controller is; absent: nobody asks. */
  health?: ControllerHealth;
  /** Names of `CONTROLLERS` to run; absent: all. */
  names?: readonly string[];
  /** Without leader election the loops start at once: for tests, and where nobody else can be there. */
  leaderElect?: boolean;
  /** Name of this process in the Lease. One that its successor has, too, lets that one lead at once. Default: a new one. */
  leaderIdentity?: string;
}

/** The identity of the control plane's controllers as a whole: it holds the Lease and feeds the informers. */
export const CONTROLLER_MANAGER = 'system:kube-controller-manager';

/**
 * Runs the control loops while this process holds the Lease `kube-system/kube-controller-manager`. Resolves after the
 * signal has fired, or with true when leadership was lost before: its state is stale then, and it has to be started anew.
 */
export async function startControllers(options: StartOptions): Promise<boolean> {
  const { signal, clock, random, logger, metrics, clientFor } = options;
  const lead = (term: AbortSignal) => {
    setMaxListeners(0, term);
    return runAll(options, term);
  };
  if (options.leaderElect === false) {
    await lead(signal);
    return false;
  }
  const election = new LeaderElection({
    client: clientFor(CONTROLLER_MANAGER),
    clock,
    random,
    logger,
    metrics,
    namespace: 'kube-system',
    name: 'kube-controller-manager',
    identity: options.leaderIdentity ?? `${hostname()}_${randomUUID()}`,
  });
  return election.run(signal, lead);
}

async function runAll(options: StartOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, logger, informers, metrics, health = new ControllerHealth(metrics) } = options;
  const names = options.names ?? Object.keys(CONTROLLERS);
  const controllers = names.map((name) => {
    const factory = CONTROLLERS[name];
    if (!factory) throw new Error(`unknown controller ${name}`);
    const make = () => factory(options);
    return { controller: make(), make };
  });
  informers.start(options.signal);
  const supervision = { clock, random, logger, health, signal };
  await Promise.all(controllers.map(({ controller, make }) => superviseController(controller, make, supervision)));
}
