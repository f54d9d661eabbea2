import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { podResourceText } from './pod-resource-metrics.js';

const pod = (spec: object, phase = 'Running') =>
  ({
    metadata: { namespace: 'a', name: 'p' },
    spec: { nodeName: 'n', schedulerName: 'default-scheduler', priority: 7, ...spec },
    status: { phase },
  }) as unknown as KubeObject;
const container = (requests: object, limits: object = {}) => ({ name: 'c', resources: { requests, limits } });

describe('/metrics/resources', () => {
  const rows: [what: string, pod: KubeObject, lines: string[]][] = [
    [
      'units and amounts',
      pod({ containers: [container({ cpu: '250m', memory: '1Mi', 'example.com/gpu': '2' }, { memory: '2Mi' })] }),
      [
        'limit memory bytes 2097152',
        'request cpu cores 0.25',
        'request memory bytes 1048576',
        'request example.com/gpu  2',
      ],
    ],
    [
      'the widest moment of the start',
      pod({ containers: [container({ cpu: '1' })], initContainers: [container({ cpu: '3' })] }),
      ['request cpu cores 3'],
    ],
    [
      'the overhead, on limits only where there is one',
      pod({ containers: [container({}, { memory: '1' })], overhead: { cpu: '1', memory: '9' } }),
      ['limit memory bytes 10', 'request cpu cores 1', 'request memory bytes 9'],
    ],
    ['nothing of pods that have ended', pod({ containers: [container({ cpu: '1' })] }, 'Failed'), []],
    ['nothing that is zero', pod({ containers: [container({ cpu: '0' })] }), []],
  ];
  for (const [what, given, expected] of rows) {
    it(`has ${what}`, async () => {
      const about = 'namespace="a",pod="p",node="n",scheduler="default-scheduler",priority="7"';
      const line = new RegExp(`^kube_pod_resource_(\\w+)\\{${about},resource="(.*)",unit="(.*)"\\} (.*)$`, 'gm');
      const text = await podResourceText([given]);
      const found = [...text.matchAll(line)].map(([, ...parts]) => parts.join(' '));
      assert.deepEqual(found.sort(), [...expected].sort());
      assert.equal(text.split('\n').filter((one) => one.startsWith('kube')).length, expected.length);
    });
  }
});
