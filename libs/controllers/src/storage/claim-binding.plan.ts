import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  claimClass,
  findVolume,
  hasAnnotation,
  isFullyBound,
  isReservedFor,
  NO_PROVISIONER,
  namesClass,
  type PersistentVolume,
  type PersistentVolumeClaim,
  SELECTED_NODE,
  type StorageClass,
  unsatisfied,
  waitsForConsumer,
} from '#kinds';

export interface ClaimEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** What is to be done for one claim. */
export type ClaimAction =
  | { do: 'bind'; volume: PersistentVolume }
  /** `event` is for the change of the phase, `always` for each look. */
  | { do: 'setPhase'; phase: 'Pending' | 'Lost'; event?: ClaimEvent; always?: ClaimEvent }
  /** The claim names no class, and there is a default one by now. */
  | { do: 'setClass'; name: string }
  /** Somebody else makes the volume: say who. */
  | { do: 'callProvisioner'; name: string; event: ClaimEvent }
  | { do: 'tell'; event: ClaimEvent };

export interface ClaimView {
  claim: PersistentVolumeClaim;
  /** The volume that the claim names. */
  named: PersistentVolume | undefined;
  /** Of volumes that the claim could get. */
  volumes: () => Iterable<PersistentVolume>;
  /** The class that the claim names. */
  storageClass: StorageClass | undefined;
  defaultClass: () => StorageClass | undefined;
  /** Names of pods that have the claim and no node. */
  waitingPods: () => string[];
}

/** Pure: the next step of a claim (kube-controller-manager's `syncClaim`). */
export function planClaim(view: ClaimView): ClaimAction {
  if (hasAnnotation(view.claim, BIND_COMPLETED)) return planBound(view);
  return view.claim.spec.volumeName ? planNamed(view) : planUnbound(view);
}

/** The claim was bound once: it stays with its volume or is lost. */
function planBound({ claim, named }: ClaimView): ClaimAction {
  if (!isFullyBound(claim)) {
    return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  }
  if (!named) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const { claimRef } = named.spec;
  if (!claimRef || claimRef.uid === claim.metadata.uid) return { do: 'bind', volume: named };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

function lost(reason: string, message: string): ClaimAction {
  return { do: 'setPhase', phase: 'Lost', event: { type: 'Warning', reason, message } };
}

/** The claim asks for one volume by name. */
function planNamed({ claim, named }: ClaimView): ClaimAction {
  if (!named) return { do: 'setPhase', phase: 'Pending' };
  const name = JSON.stringify(named.metadata.name);
  if (named.spec.claimRef) {
    if (isReservedFor(named, claim)) return { do: 'bind', volume: named };
    return waits('Warning', 'FailedBinding', `volume ${name} already bound to a different claim.`);
  }
  const why = unsatisfied(named, claim);
  if (why === undefined) return { do: 'bind', volume: named };
  return waits('Warning', 'VolumeMismatch', `Cannot bind to requested volume ${name}: ${why}`);
}

function waits(type: ClaimEvent['type'], reason: string, message: string): ClaimAction {
  return { do: 'setPhase', phase: 'Pending', always: { type, reason, message } };
}

function planUnbound(view: ClaimView): ClaimAction {
  const { claim, storageClass } = view;
  const delayed = waitsForConsumer(storageClass);
  const volume = findVolume(claim, view.volumes(), { delayed });
  if (volume) return { do: 'bind', volume };
  const defaultClass = namesClass(claim) ? undefined : view.defaultClass();
  if (defaultClass) return { do: 'setClass', name: defaultClass.metadata.name! };
  if (delayed && !hasAnnotation(claim, SELECTED_NODE)) return waitForPod(view.waitingPods());
  const className = claimClass(claim);
  if (className === '') {
    const message = 'no persistent volumes available for this claim and no storage class is set';
    return waits('Normal', 'FailedBinding', message);
  }
  return provision(storageClass, className);
}

function waitForPod(pods: string[]): ClaimAction {
  if (pods.length === 0) {
    return waits('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  }
  const many = pods.length > 1 ? 'pods' : 'pod';
  return waits('Normal', 'WaitForPodScheduled', `waiting for ${many} ${pods.join(',')} to be scheduled`);
}

function provision(storageClass: StorageClass | undefined, className: string): ClaimAction {
  const failed = (message: string): ClaimAction => ({
    do: 'tell',
    event: { type: 'Warning', reason: 'ProvisioningFailed', message },
  });
  if (!storageClass) return failed(`storageclass.storage.k8s.io ${JSON.stringify(className)} not found`);
  const { provisioner } = storageClass;
  // Those were part of the reference once; all of them are gone.
  if (provisioner === NO_PROVISIONER || provisioner.startsWith('kubernetes.io/')) {
    return failed(`no volume plugin matched name: ${provisioner}`);
  }
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the ` +
    'system administrator. If volume creation is delayed, please verify that the provisioner is running and ' +
    'correctly registered.';
  return {
    do: 'callProvisioner',
    name: provisioner,
    event: { type: 'Normal', reason: 'ExternalProvisioning', message },
  };
}

/** What a claim's status says of its volume. */
export function boundStatus(
  { status = {} }: PersistentVolumeClaim,
  { metadata, spec }: PersistentVolume,
): PersistentVolumeClaim['status'] {
  const wasBound = status.phase === 'Bound';
  // A claim that is bound follows its volume's size by expansion only.
  const preResize = metadata.annotations?.['volume.alpha.kubernetes.io/pre-resize-capacity'];
  const capacity = preResize ? { ...spec.capacity, storage: preResize } : spec.capacity;
  const attributes = spec.volumeAttributesClassName;
  return {
    ...status,
    phase: 'Bound',
    accessModes: spec.accessModes,
    ...(wasBound ? {} : { capacity, ...(attributes ? { currentVolumeAttributesClassName: attributes } : {}) }),
  };
}

/** The claim as it has to be when it belongs to the volume; undefined when it is. */
export function boundClaim(
  claim: PersistentVolumeClaim,
  { metadata }: PersistentVolume,
): PersistentVolumeClaim | undefined {
  const renames = claim.spec.volumeName !== metadata.name;
  if (!renames && hasAnnotation(claim, BIND_COMPLETED)) return undefined;
  const annotations = {
    ...claim.metadata.annotations,
    ...(renames ? { [BOUND_BY_CONTROLLER]: 'yes' } : {}),
    [BIND_COMPLETED]: 'yes',
  };
  return {
    ...claim,
    metadata: { ...claim.metadata, annotations },
    spec: { ...claim.spec, volumeName: metadata.name },
  };
}
