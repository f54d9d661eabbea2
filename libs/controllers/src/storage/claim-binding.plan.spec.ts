import assert from 'node:assert/strict';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '#kinds';
import { boundClaim, boundStatus, type ClaimView, planClaim } from './claim-binding.plan.js';
import { pathToScrub, planVolume, unboundVolume, volumeInFolder } from './volume-binding.plan.js';

const BOUND = { 'pv.kubernetes.io/bind-completed': 'yes' };
const BY_US = { 'pv.kubernetes.io/bound-by-controller': 'yes' };

function claim(spec: object = {}, annotations?: Record<string, string>): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'ns', uid: 'u', annotations },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      storageClassName: '',
      ...spec,
    },
    status: { phase: 'Pending' },
  } as PersistentVolumeClaim;
}

function volume(name: string, spec: object = {}, metadata: object = {}, phase = 'Available'): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' }, ...spec },
    status: { phase },
  } as PersistentVolume;
}

const ours = (uid?: string) => ({ claimRef: { namespace: 'ns', name: 'data', uid } });
const storageClass = (more: object = {}): StorageClass =>
  ({ metadata: { name: 'fast' }, provisioner: 'example.com/disk', volumeBindingMode: 'Immediate', ...more }) as never;
const delayed = storageClass({ volumeBindingMode: 'WaitForFirstConsumer' });

function plan(subject: PersistentVolumeClaim, volumes: PersistentVolume[] = [], more: Partial<ClaimView> = {}): string {
  const action = planClaim({
    claim: subject,
    named: volumes.find(({ metadata }) => metadata.name === subject.spec.volumeName),
    volumes: () => volumes,
    storageClass: undefined,
    defaultClass: () => undefined,
    waitingPods: () => [],
    ...more,
  });
  switch (action.do) {
    case 'bind':
      return `bind ${action.volume.metadata.name}`;
    case 'setPhase': {
      const event = action.event ?? action.always;
      return event ? `${action.phase}: ${event.type} ${event.reason} ${event.message}` : action.phase;
    }
    case 'setClass':
      return `class ${action.name}`;
    case 'callProvisioner':
      return `call ${action.name}: ${action.event.reason}`;
    case 'tell':
      return `${action.event.type} ${action.event.reason} ${action.event.message}`;
  }
}

const NONE = 'Pending: Normal FailedBinding no persistent volumes available for this claim and no storage class is set';

describe('A claim that names no volume', () => {
  const big = volume('big', { capacity: { storage: '10Gi' } });
  const one = volume('one');
  const small = volume('small', { capacity: { storage: '500Mi' } });
  const shared = volume('shared', { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] });
  for (const [what, subject, volumes, expected] of [
    ['gets the smallest that is large enough', claim(), [big, one, small], 'bind one'],
    ['rather gets one that offers no more than it asks for', claim(), [shared, big], 'bind big'],
    ['gets one that offers more when there is no other', claim(), [shared], 'bind shared'],
    ['waits when all are too small', claim(), [small], NONE],
    ['waits when none offers its access mode', claim({ accessModes: ['ReadWriteMany'] }), [one], NONE],
    ['waits when the volume mode is another', claim({ volumeMode: 'Block' }), [one], NONE],
    ['waits when the class is another', claim(), [volume('v', { storageClassName: 'fast' })], NONE],
    ['waits when the volume is of somebody else', claim(), [volume('v', { claimRef: { name: 'x' } })], NONE],
    ['waits when the volume is not available', claim(), [volume('v', {}, {}, 'Released')], NONE],
    ['waits when the volume is on its way out', claim(), [volume('v', {}, { deletionTimestamp: 'now' })], NONE],
    ['waits when the attributes differ', claim({ volumeAttributesClassName: 'gold' }), [one], NONE],
    [
      'gets what its selector chooses',
      claim({ selector: { matchLabels: { disk: 'ssd' } } }),
      [one, volume('ssd', { capacity: { storage: '9Gi' } }, { labels: { disk: 'ssd' } })],
      'bind ssd',
    ],
    [
      'gets the volume that is reserved for it',
      claim(),
      [one, volume('mine', { ...ours(), capacity: { storage: '9Gi' } })],
      'bind mine',
    ],
    [
      'gets no volume that is reserved for a claim of its name before it',
      claim(),
      [volume('old', ours('before'))],
      NONE,
    ],
  ] as const) {
    it(what, () => assert.equal(plan(subject, [...volumes]), expected));
  }

  it('gets the default class once there is one, unless it wants none', () => {
    const defaultClass = () => storageClass();
    assert.equal(plan(claim({ storageClassName: undefined }), [], { defaultClass }), 'class fast');
    assert.equal(plan(claim(), [], { defaultClass }), NONE);
    const annotated = claim({ storageClassName: undefined }, { 'volume.beta.kubernetes.io/storage-class': '' });
    assert.equal(plan(annotated, [], { defaultClass }), NONE);
  });

  it('waits for a pod when its class does, and says for which', () => {
    const fast = claim({ storageClassName: 'fast' });
    const free = volume('free', { storageClassName: 'fast' });
    const waiting = (pods: string[]) => plan(fast, [free], { storageClass: delayed, waitingPods: () => pods });
    assert.equal(
      waiting([]),
      'Pending: Normal WaitForFirstConsumer waiting for first consumer to be created before binding',
    );
    assert.equal(waiting(['a']), 'Pending: Normal WaitForPodScheduled waiting for pod a to be scheduled');
    assert.equal(waiting(['a', 'b']), 'Pending: Normal WaitForPodScheduled waiting for pods a,b to be scheduled');
    const reserved = volume('mine', { ...ours(), storageClassName: 'fast' });
    assert.equal(plan(fast, [free, reserved], { storageClass: delayed }), 'bind mine');
  });

  it('is left to the provisioner of its class', () => {
    const fast = claim({ storageClassName: 'fast' });
    assert.equal(plan(fast, [], { storageClass: storageClass() }), 'call example.com/disk: ExternalProvisioning');
    const chosen = claim({ storageClassName: 'fast' }, { 'volume.kubernetes.io/selected-node': 'n' });
    assert.equal(plan(chosen, [], { storageClass: delayed }), 'call example.com/disk: ExternalProvisioning');
    assert.equal(plan(fast), 'Warning ProvisioningFailed storageclass.storage.k8s.io "fast" not found');
    assert.equal(
      plan(fast, [], { storageClass: storageClass({ provisioner: 'kubernetes.io/no-provisioner' }) }),
      'Warning ProvisioningFailed no volume plugin matched name: kubernetes.io/no-provisioner',
    );
  });
});

describe('A claim that names its volume', () => {
  const named = claim({ volumeName: 'v' });
  for (const [what, volumes, expected] of [
    ['waits for it', [], 'Pending'],
    ['gets it, whatever its selector would say', [volume('v')], 'bind v'],
    ['gets it when it is reserved for the claim', [volume('v', ours())], 'bind v'],
    [
      'is told that another one has it',
      [volume('v', { claimRef: { namespace: 'ns', name: 'other' } })],
      'Pending: Warning FailedBinding volume "v" already bound to a different claim.',
    ],
    [
      'is told that it is too small',
      [volume('v', { capacity: { storage: '1Mi' } })],
      'Pending: Warning VolumeMismatch Cannot bind to requested volume "v": requested PV is too small',
    ],
    [
      'is told that the class differs',
      [volume('v', { storageClassName: 'fast' })],
      'Pending: Warning VolumeMismatch Cannot bind to requested volume "v": storageClassName does not match',
    ],
    [
      'is told that the mode differs',
      [volume('v', { volumeMode: 'Block' })],
      'Pending: Warning VolumeMismatch Cannot bind to requested volume "v": incompatible volumeMode',
    ],
    [
      'is told that the access modes differ',
      [volume('v', { accessModes: ['ReadOnlyMany'] })],
      'Pending: Warning VolumeMismatch Cannot bind to requested volume "v": incompatible accessMode',
    ],
  ] as const) {
    it(what, () => assert.equal(plan(named, [...volumes]), expected));
  }
});

describe('A claim that was bound', () => {
  for (const [what, subject, volumes, expected] of [
    [
      'is lost without the name of its volume',
      claim({}, BOUND),
      [],
      'Lost: Warning ClaimLost Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
    ],
    [
      'is lost with its volume',
      claim({ volumeName: 'v' }, BOUND),
      [],
      'Lost: Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!',
    ],
    ['is bound again to a volume that forgot it', claim({ volumeName: 'v' }, BOUND), [volume('v')], 'bind v'],
    ['stays with its volume', claim({ volumeName: 'v' }, BOUND), [volume('v', ours('u'))], 'bind v'],
    [
      'is lost when another one has its volume',
      claim({ volumeName: 'v' }, BOUND),
      [volume('v', ours('other'))],
      'Lost: Warning ClaimMisbound Two claims are bound to the same volume, this one is bound incorrectly',
    ],
  ] as const) {
    it(what, () => assert.equal(plan(subject, [...volumes]), expected));
  }
});

describe('A volume', () => {
  const mine = (more: object = {}) => claim({ volumeName: 'v', ...more });
  const provisioned = { annotations: { 'pv.kubernetes.io/provisioned-by': 'example.com/disk' } };
  const kept = { persistentVolumeReclaimPolicy: 'Retain' };
  const gone = (more: object = {}) => ({ ...ours('u'), persistentVolumeReclaimPolicy: 'Delete', ...more });
  const text = (subject: PersistentVolume, owner?: PersistentVolumeClaim): string => {
    const action = planVolume(subject, owner);
    if (action.do !== 'setPhase') return action.do;
    return action.event ? `${action.phase}: ${action.event.reason} ${action.event.message}` : action.phase;
  };
  for (const [what, subject, owner, expected] of [
    ['is available without a claim', volume('v', {}, {}, 'Pending'), undefined, 'Available'],
    ['is available while it is only reserved', volume('v', ours()), mine(), 'Available'],
    ['is bound to the claim that names it', volume('v', ours('u')), mine(), 'Bound'],
    ['waits for a claim that does not name it yet', volume('v', ours('u')), claim(), 'wakeClaim'],
    ['says that the modes differ', volume('v', ours('u')), claim({ volumeMode: 'Block' }), 'tell'],
    ['is released with its claim', volume('v', { ...ours('u'), ...kept }), undefined, 'Released'],
    ['is released when a new claim has the name', volume('v', { ...ours('old'), ...kept }), mine(), 'Released'],
    ['is kept then', volume('v', { ...ours('u'), ...kept }, {}, 'Released'), undefined, 'nothing'],
    ['is deleted by its provisioner', volume('v', gone(), provisioned, 'Released'), undefined, 'nothing'],
    [
      'fails when nobody can delete it',
      volume('v', gone(), {}, 'Released'),
      undefined,
      'Failed: VolumeFailedDelete error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
    ],
    [
      'fails when nobody can scrub it',
      volume(
        'v',
        gone({ persistentVolumeReclaimPolicy: 'Recycle', hostPath: undefined, nfs: { server: 's', path: '/' } }),
        {},
        'Released',
      ),
      undefined,
      'Failed: VolumeFailedRecycle No recycler plugin found for the volume!',
    ],
    [
      'is left to the recycler',
      volume('v', gone({ persistentVolumeReclaimPolicy: 'Recycle', hostPath: { path: '/x' } }), {}, 'Released'),
      undefined,
      'nothing',
    ],
    ['goes on being failed', volume('v', gone(), {}, 'Failed'), undefined, 'nothing'],
    ['is given back when its claim got another', volume('v', ours('u')), mine({ volumeName: 'w' }), 'unbind'],
    [
      'is released when it was made for a claim that got another',
      volume('v', gone(), provisioned),
      mine({ volumeName: 'w' }),
      'Released',
    ],
  ] as const) {
    it(what, () => assert.equal(text(subject, owner), expected));
  }

  const recycle = { persistentVolumeReclaimPolicy: 'Recycle', hostPath: { path: '/x' } };
  for (const [what, subject, expected] of [
    ['once it is released', volume('v', { ...ours('u'), ...recycle }, {}, 'Released'), '/x'],
    ['again after a failure', volume('v', { ...ours('u'), ...recycle }, {}, 'Failed'), '/x'],
    ['not while it is bound', volume('v', { ...ours('u'), ...recycle }, {}, 'Bound'), undefined],
    ['not when it is reserved', volume('v', { ...ours(), ...recycle }, {}, 'Released'), undefined],
    [
      'not on its way out',
      volume('v', { ...ours('u'), ...recycle }, { deletionTimestamp: '2026-01-01T00:00:00Z' }, 'Released'),
      undefined,
    ],
    [
      'not as a block device',
      volume('v', { ...ours('u'), ...recycle, volumeMode: 'Block' }, {}, 'Released'),
      undefined,
    ],
    ['not with another policy', volume('v', { ...gone(), hostPath: { path: '/x' } }, {}, 'Released'), undefined],
  ] as const) {
    it(`is emptied ${what}`, () => assert.equal(pathToScrub(subject), expected));
  }

  const here = { metadata: { name: 'here' } } as Node;
  const on = (name: string) => ({
    nodeAffinity: {
      required: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }] },
    },
  });
  for (const [what, spec, apart] of [
    ['with the same folder', { hostPath: { path: '/disk/a/' } }, false],
    ['with a folder in it', { hostPath: { path: '/disk/a/b' } }, false],
    ['that it is a part of', { hostPath: undefined, local: { path: '/disk' }, ...on('here') }, false],
    ['with all of the node', { hostPath: { path: '/' } }, false],
    ['beside it', { hostPath: { path: '/disk/ab' } }, true],
    ['on another node', { hostPath: undefined, local: { path: '/disk/a' }, ...on('there') }, true],
    ['without a folder', { hostPath: undefined, nfs: { server: 'x', path: '/disk/a' } }, true],
  ] as const) {
    it(`is ${apart ? '' : 'not '}emptied beside another volume ${what}`, () => {
      const own = volume('v', { hostPath: { path: '/disk//a' } });
      const other = volume('other', spec, {}, 'Bound');
      assert.equal(volumeInFolder(own, '/disk//a', [here], [own, other]), apart ? undefined : other);
    });
  }

  it('is free, or reserved by its administrator, when it is given back', () => {
    assert.equal(unboundVolume(volume('v', ours('u'), { annotations: BY_US })).spec.claimRef, undefined);
    assert.deepEqual(unboundVolume(volume('v', ours('u'))).spec.claimRef, { namespace: 'ns', name: 'data' });
  });
});

describe('A bound claim', () => {
  it('is marked by the one that chose the volume', () => {
    assert.deepEqual(boundClaim(claim(), volume('v'))?.metadata.annotations, { ...BY_US, ...BOUND });
    assert.deepEqual(boundClaim(claim({ volumeName: 'v' }), volume('v'))?.metadata.annotations, BOUND);
    assert.equal(boundClaim(claim({ volumeName: 'v' }, BOUND), volume('v')), undefined);
  });

  it('shows the size and the access modes that it got, and grows by expansion only', () => {
    const status = boundStatus(claim(), volume('v', { capacity: { storage: '5Gi' } }))!;
    assert.deepEqual(status, { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '5Gi' } });
    const grown = volume('v', { capacity: { storage: '9Gi' } });
    assert.deepEqual(boundStatus({ ...claim(), status }, grown), status);
  });
});
