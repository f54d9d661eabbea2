import assert from 'node:assert/strict';
import type { Pod } from './pod.js';
import { type QosClass, qosClass } from './qos-class.js';

const both = { cpu: '1', memory: '1Gi' };
const all = { requests: both, limits: both };

describe('The class of a pod that the API server did not classify', () => {
  const rows: [title: string, containers: object[], own: object | undefined, expected: QosClass][] = [
    ['nothing is asked for', [{}, {}], undefined, 'BestEffort'],
    ['limits are requests', [{ limits: both }], undefined, 'Guaranteed'],
    ['one container asks for less', [all, {}], undefined, 'Burstable'],
    ['a request of nothing', [{ requests: { cpu: '0' } }], undefined, 'BestEffort'],
    ['the pod itself limits what its containers do not', [{}], all, 'Guaranteed'],
    ['the pod itself asks for some', [{}], { requests: { memory: '1Mi' }, limits: both }, 'Burstable'],
    ['the pod comes before its containers', [all], { requests: { cpu: '1' } }, 'Burstable'],
    ['the pod has lists without entries', [all], { requests: {}, limits: {} }, 'Guaranteed'],
    ['the pod asks for huge pages alone', [all], { limits: { 'hugepages-2Mi': '2Mi' } }, 'BestEffort'],
  ];
  for (const [title, containers, resources, expected] of rows) {
    it(`${title}: ${expected}`, () => {
      const spec = { containers: containers.map((part, index) => ({ name: `c${index}`, resources: part })), resources };
      assert.equal(qosClass({ spec } as unknown as Pod), expected);
    });
  }
});
