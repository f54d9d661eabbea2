import assert from 'node:assert/strict';
import type { PersistentVolumeClaim, Pod } from '#kinds';
import { mountsClaim, unusedCondition } from './persistent-volume-claim-protection.reconciler.js';

const claim = (extra: object = {}): PersistentVolumeClaim =>
  ({ metadata: { name: 'data', namespace: 'ns' }, spec: {}, status: { phase: 'Bound' }, ...extra }) as never;
const pod = (spec: object, extra: { metadata?: object; status?: object } = {}): Pod =>
  ({ metadata: { name: 'p', namespace: 'ns', uid: 'u', ...extra.metadata }, spec, status: extra.status }) as never;
const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
const ephemeral = [{ name: 'v', ephemeral: {} }];
const owned = claim({ metadata: { name: 'p-v', namespace: 'ns', ownerReferences: [{ controller: true, uid: 'u' }] } });
const shutDown = { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 } };

describe('A claim is mounted', () => {
  for (const [what, subject, of, expected] of [
    ['by a pod on a node', pod({ nodeName: 'n', volumes }), claim(), true],
    ['by a finished pod too', pod({ nodeName: 'n', volumes }, { status: { phase: 'Failed' } }), claim(), true],
    ['not by a pod without a node', pod({ volumes }), claim(), false],
    ['not by a pod with other volumes', pod({ nodeName: 'n', volumes: ephemeral }), claim(), false],
    ['by the pod that it was made for', pod({ nodeName: 'n', volumes: ephemeral }), owned, true],
    [
      'not by a stranger of the same name',
      pod({ nodeName: 'n', volumes: ephemeral }, { metadata: { uid: 'x' } }),
      owned,
      false,
    ],
    ['no longer by its pod when that is shut down', pod({ nodeName: 'n', volumes: ephemeral }, shutDown), owned, false],
  ] as const) {
    it(what, () => assert.equal(mountsClaim(subject, of), expected));
  }
});

describe('The Unused condition', () => {
  const NOW = Date.parse('2030-01-01T00:00:00Z');

  it('follows the pods that refer to a bound claim', () => {
    assert.equal(unusedCondition(claim(), [pod({ volumes })], NOW)?.status, 'False');
    assert.equal(unusedCondition(claim(), [], NOW)?.status, 'True');
    assert.equal(
      unusedCondition(claim(), [pod({ volumes }, { status: { phase: 'Succeeded' } })], NOW)?.reason,
      'NoPodsUsingPVC',
    );
  });

  it('is left alone when it is right, when the claim is not bound, and when it goes', () => {
    const known = claim({ status: { phase: 'Bound', conditions: [{ type: 'Unused', status: 'True' }] } });
    assert.equal(unusedCondition(known, [], NOW), undefined);
    assert.equal(unusedCondition(claim({ status: { phase: 'Pending' } }), [], NOW), undefined);
    assert.equal(unusedCondition(claim({ metadata: { name: 'data', ...shutDown.metadata } }), [], NOW), undefined);
  });
});
