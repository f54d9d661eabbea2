import type { PodSpec } from '#kinds';
import { chain, onePod, refused, request, run } from '../testing/admission-requests.js';

const [POD, INIT, VOLUMES] = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'InPlacePodVerticalScalingMemoryBackedVolumes',
];
const cpu = (amount: string) => ({ requests: { cpu: amount } });
const container = (amount: string, more = {}) => ({ name: 'c', image: 'i', resources: cpu(amount), ...more });
const volume = (sizeLimit: string | undefined, medium = 'Memory') => ({ name: 'v', emptyDir: { medium, sizeLimit } });

type Spec = Partial<PodSpec> & Record<string, unknown>;

/** From one spec to the other, on a node that declares these features. */
function update(before: Spec, after: Spec, declared: string[] = [], subresource = 'resize', generation = 2) {
  const base = { nodeName: 'n', containers: [container('1')] };
  const allocatable = { cpu: '8', memory: '8Gi' };
  const plugins = chain({ nodes: { '/n': { status: { allocatable, declaredFeatures: declared } } } });
  const pod = (spec: Spec, at: number) => onePod({ ...base, ...spec }, { name: 'x', generation: at });
  const oldObject = { apiVersion: 'v1', kind: 'Pod', ...pod(before, 1) } as never;
  return run(
    plugins,
    request('UPDATE', subresource ? `pods/${subresource}` : 'pods', pod(after, generation), { oldObject }),
  );
}

describe('An update of a pod', () => {
  const table: [what: string, before: Spec, after: Spec, features: string[]][] = [
    ['of containers needs nothing', {}, { containers: [container('2')] }, []],
    ['of its own resources', { resources: cpu('1') }, { resources: cpu('2') }, [POD!]],
    ['that gives it resources of its own', {}, { resources: cpu('2') }, [POD!]],
    ['of init containers', { initContainers: [container('1')] }, { initContainers: [container('2')] }, [INIT!]],
    [
      'of sidecars needs nothing',
      { initContainers: [container('1', { restartPolicy: 'Always' })] },
      { initContainers: [container('2', { restartPolicy: 'Always' })] },
      [],
    ],
    ['of a volume in memory', { volumes: [volume('1Mi')] }, { volumes: [volume('2Mi')] }, [VOLUMES!]],
    ['of one on a disk is none of this', { volumes: [volume('1Mi', '')] }, { volumes: [volume('2Mi', '')] }, []],
    ['that bounds a volume is none of this', { volumes: [volume(undefined)] }, { volumes: [volume('2Mi')] }, []],
    [
      'of several things',
      { resources: cpu('1'), initContainers: [container('1')] },
      { resources: cpu('2'), initContainers: [container('2')] },
      [POD!, INIT!],
    ],
  ];
  for (const [what, before, after, features] of table) {
    test(what, async () => {
      await update(before, after, features);
      if (features.length === 0) return;
      const text = `pods "x" is forbidden: pod update requires features ${features.join(', ')} which are not available on node "n"`;
      await refused(update(before, after), text);
      await refused(update(before, after, [], ''), text);
      if (features.length > 1) await refused(update(before, after, [POD!]), text.replace(`${POD}, `, ''));
      // What is not a change of the spec, and what has no node yet, is not looked at.
      await update(before, after, [], 'resize', 1);
      await update({ ...before, nodeName: undefined }, { ...after, nodeName: undefined });
    });
  }
});
