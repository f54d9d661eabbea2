import assert from 'node:assert/strict';
import type { ContainerPort, Node, PodSpec, Taint } from '#kinds';
import type { Pod, ResourceList } from '../pod/pod.js';
import { SourceAnnotation } from '../pod/pod-source.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { refusal } from './admission.js';

const allocatable: ResourceList = {
  cpu: '2',
  memory: '1Gi',
  'ephemeral-storage': '10Gi',
  pods: '3',
  'acme.com/gpu': '1',
};
const asking = (requests: ResourceList, spec: Partial<PodSpec> = {}, metadata: object = {}): Pod =>
  aPod({ containers: [aContainer('main', { resources: { requests } })], ...spec }, {}, metadata);
const onPorts = (...ports: Partial<ContainerPort>[]): Pod =>
  aPod({ containers: [aContainer('main', { ports: ports.map((port) => ({ containerPort: 80, ...port })) })] });
const aNode = (labels: Record<string, string> = {}, taints: Taint[] = []): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', labels }, spec: { taints } }) as Node;
const noExecute: Taint = { key: 'broken', effect: 'NoExecute' };
const critical = { priority: 2_000_000_000 };
const fileAnnotation = { annotations: { [SourceAnnotation.source]: 'file' } };

interface Case {
  title: string;
  pod: Pod;
  node?: Node;
  others?: Pod[];
  pressure?: string[];
  refused?: [reason: string, message: string];
}

const taintMessage = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
const portMessage = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
const affinityMessage = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
const lack = (resource: string, requested: number, used: number, capacity: number): [string, string] => [
  `OutOf${resource}`,
  `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
];

const cases: Case[] = [
  { title: 'what asks for nothing', pod: aPod(), others: [asking({ cpu: '2' })] },
  { title: 'what just fits', pod: asking({ cpu: '500m', memory: '1Gi' }), others: [asking({ cpu: '1500m' })] },
  { title: 'more CPU than the node has', pod: asking({ cpu: '6' }), refused: lack('cpu', 6000, 0, 2000) },
  {
    title: 'more memory than others left',
    pod: asking({ memory: '1Mi' }),
    others: [asking({ memory: '512Mi' }), asking({ memory: '512Mi' })],
    refused: lack('memory', 2 ** 20, 2 ** 30, 2 ** 30),
  },
  {
    title: 'more local storage',
    pod: asking({ 'ephemeral-storage': '11Gi' }),
    refused: lack('ephemeral-storage', 11 * 2 ** 30, 0, 10 * 2 ** 30),
  },
  { title: 'one pod too many', pod: aPod(), others: [aPod(), aPod(), aPod()], refused: lack('pods', 1, 3, 3) },
  {
    title: 'an extended resource that another pod has',
    pod: asking({ 'acme.com/gpu': '1' }),
    others: [asking({ 'acme.com/gpu': '1' })],
    refused: lack('acme.com/gpu', 1, 1, 1),
  },
  { title: 'an extended resource that the node knows nothing of', pod: asking({ 'acme.com/other': '1' }) },
  {
    title: 'huge pages that are not there',
    pod: asking({ 'hugepages-2Mi': '2Mi' }),
    refused: lack('hugepages-2Mi', 2 ** 21, 0, 0),
  },
  {
    title: 'a port of the node that another has',
    pod: onPorts({ hostPort: 80 }),
    others: [onPorts({ hostPort: 81 }, { hostPort: 80, hostIP: '127.0.0.1' })],
    refused: ['NodePorts', portMessage],
  },
  {
    title: 'the same port of another address or protocol',
    pod: onPorts({ hostPort: 80, hostIP: '10.0.0.1' }, { hostPort: 53, protocol: 'UDP' }),
    others: [onPorts({ hostPort: 80, hostIP: '127.0.0.1' }, { hostPort: 53, protocol: 'TCP' }, { containerPort: 80 })],
  },
  {
    title: 'a selector for another node',
    pod: aPod({ nodeSelector: { disk: 'ssd' } }),
    node: aNode({ disk: 'slow' }),
    refused: ['NodeAffinity', affinityMessage],
  },
  { title: 'a selector for this node', pod: aPod({ nodeSelector: { disk: 'ssd' } }), node: aNode({ disk: 'ssd' }) },
  {
    title: 'a NoExecute taint that is not tolerated',
    pod: aPod({ tolerations: [{ key: 'other', operator: 'Exists' }] }),
    node: aNode({}, [noExecute]),
    refused: ['TaintToleration', taintMessage],
  },
  {
    title: 'taints that are tolerated, or of other effects',
    pod: aPod({ tolerations: [{ key: 'broken', operator: 'Exists' }] }),
    node: aNode({}, [noExecute, { key: 'new', effect: 'NoSchedule' }]),
  },
  { title: 'a static pod on a tainted node', pod: aPod({}, {}, fileAnnotation), node: aNode({}, [noExecute]) },
  {
    title: 'resources come before ports',
    pod: asking({ cpu: '3' }, { nodeSelector: { disk: 'ssd' } }),
    refused: lack('cpu', 3000, 0, 2000),
  },
  {
    title: 'a critical pod is not refused for resources when something else stands in the way',
    pod: asking({ cpu: '3' }, { ...critical, nodeSelector: { disk: 'ssd' } }),
    refused: ['NodeAffinity', affinityMessage],
  },
  {
    title: 'another operating system by its label',
    pod: aPod({}, {}, { labels: { 'kubernetes.io/os': 'windows' } }),
    refused: [
      'PodOSSelectorNodeLabelDoesNotMatch',
      "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    ],
  },
  {
    title: 'another operating system by its field',
    pod: aPod({ os: { name: 'windows' } }),
    refused: ['PodOSNotSupported', "Failed to admit pod as the OS field doesn't match node OS"],
  },
  {
    title: 'a kernel setting that would harm others',
    pod: aPod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
    refused: ['SysctlForbidden', 'forbidden sysctl: "kernel.msgmax" not allowlisted'],
  },
  {
    title: 'a pod that asks for nothing, while memory is short',
    pod: aPod(),
    pressure: ['MemoryPressure'],
    refused: ['Evicted', 'The node had condition: [MemoryPressure]. '],
  },
  {
    title: 'one that says how much memory it needs',
    pod: asking({ memory: '1Mi' }),
    pressure: ['MemoryPressure'],
  },
  {
    title: 'one that tolerates a lack of memory',
    pod: aPod({ tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }] }),
    pressure: ['MemoryPressure'],
  },
  {
    title: 'any pod while the disk is full',
    pod: asking({ memory: '1Mi' }),
    pressure: ['MemoryPressure', 'DiskPressure'],
    refused: ['Evicted', 'The node had condition: [MemoryPressure DiskPressure]. '],
  },
  {
    title: 'a profile of AppArmor on a kernel without it',
    pod: aPod({ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }),
    refused: ['AppArmor', 'Cannot enforce AppArmor: AppArmor is not enabled on the host'],
  },
  { title: 'a critical pod under pressure', pod: aPod(critical), pressure: ['DiskPressure'] },
];

describe('What a node takes and what it refuses', () => {
  for (const { title, pod, node = aNode(), others = [], pressure = [], refused } of cases) {
    test(title, () => {
      const found = refusal({ pod, node, others, allocatable, pressure, unsafeSysctls: [], appArmor: false });
      assert.deepEqual(found && [found.reason, found.message], refused);
    });
  }

  test('what lacks for a critical pod is told in full', () => {
    const found = refusal({
      pod: asking({ cpu: '3', memory: '2Gi' }, critical),
      node: aNode(),
      others: [],
      allocatable,
      pressure: [],
      unsafeSysctls: [],
      appArmor: false,
    });
    assert.deepEqual(
      found?.lacking?.map(({ resource }) => resource),
      ['cpu', 'memory'],
    );
  });

  test('only what follows from the node itself asks for a newer look at it', () => {
    const look = (pod: Pod) =>
      refusal({ pod, node: aNode(), others: [], allocatable, pressure: [], unsafeSysctls: [], appArmor: false })
        ?.ofNode;
    assert.equal(look(aPod({ nodeSelector: { disk: 'ssd' } })), true);
    assert.equal(look(asking({ cpu: '3' })), undefined);
  });
});
