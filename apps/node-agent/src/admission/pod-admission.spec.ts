import assert from 'node:assert/strict';
import { silentLogger } from '#client';
import type { Node } from '#kinds';
import type { Pod } from '../pod/pod.js';
import type { PodFailure } from '../pod/pod-memory.js';
import { SourceAnnotation } from '../pod/pod-source.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { type Occupant, PodAdmission, type PodAdmissionOptions } from './pod-admission.js';

const aNode = (labels: Record<string, string> = {}): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels } }) as Node;
const asking = (name: string, cpu: string, priority?: number): Pod =>
  aPod(
    {
      containers: [aContainer('main', { resources: { requests: { cpu } } })],
      ...(priority ? { priority } : {}),
    },
    {},
    { name, uid: name },
  );

class Resident implements Occupant {
  failure: PodFailure | undefined;

  constructor(readonly pod: Pod) {}

  get ended(): boolean {
    return this.failure !== undefined;
  }

  get leaving(): boolean {
    return this.ended;
  }

  end(failure: PodFailure): void {
    this.failure = failure;
  }
}

function admission(rest: Partial<PodAdmissionOptions> = {}, residents: Resident[] = []) {
  const events: string[] = [];
  const admissions = new PodAdmission({
    node: async () => aNode(),
    allocatable: { cpu: '2', pods: '10' },
    occupants: () => residents,
    pressure: () => [],
    unsafeSysctls: [],
    appArmor: false,
    isComplete: () => true,
    events: { event: (object, _type, reason) => void events.push(`${object.metadata.name} ${reason}`) },
    logger: silentLogger,
    ...rest,
  });
  const decide = async (pod: Pod) => {
    const verdict = await admissions.decide(pod, () => residents.push(new Resident(pod)));
    return typeof verdict === 'string' ? verdict : verdict.reason;
  };
  return { decide, events };
}

describe('Deciding about pods', () => {
  test('one after another: what two want, the first has', async () => {
    const { decide } = admission();
    const verdicts = await Promise.all([decide(asking('a', '1500m')), decide(asking('b', '1500m'))]);
    assert.deepEqual(verdicts, ['admitted', 'OutOfcpu']);
  });

  test('not before it is known what runs, except for static pods', async () => {
    const { decide } = admission({ isComplete: () => false });
    assert.equal(await decide(aPod()), 'later');
    assert.equal(await decide(aPod({}, {}, { annotations: { [SourceAnnotation.source]: 'file' } })), 'admitted');
  });

  test('a label that the kept copy of the node lacks is looked for at the API server', async () => {
    const { decide } = admission({ node: async (refresh) => aNode(refresh ? { disk: 'ssd' } : {}) });
    assert.equal(await decide(aPod({ nodeSelector: { disk: 'ssd' } })), 'admitted');
    assert.equal(await decide(aPod({ nodeSelector: { disk: 'slow' } })), 'NodeAffinity');
  });

  test('for a critical pod one goes, and no more while that one is on its way', async () => {
    const residents = [new Resident(asking('small', '500m')), new Resident(asking('large', '1500m'))];
    const { decide, events } = admission({}, residents);
    const vital = asking('vital', '1', 2_000_000_000);
    assert.deepEqual([await decide(vital), await decide(vital)], ['later', 'later']);
    assert.deepEqual(events, ['large Preempting']);
    residents.pop();
    assert.equal(await decide(vital), 'admitted');
  });

  test('a critical pod that is larger than the node is refused, and nobody goes', async () => {
    const residents = [new Resident(asking('small', '500m'))];
    const { decide, events } = admission({}, residents);
    assert.equal(await decide(asking('vital', '3', 2_000_000_000)), 'UnexpectedAdmissionError');
    assert.deepEqual(events, []);
  });
});
