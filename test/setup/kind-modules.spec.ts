import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const { kindFolder, kindModuleList } = await import(
  pathToFileURL(join(installation, 'scripts', 'kind-modules.mjs')).href
);

const resources = [
  { group: '', version: 'v1', kind: 'Pod' },
  { group: '', version: 'v1', kind: 'Event' },
  { group: 'events.k8s.io', version: 'v1', kind: 'Event' },
  { group: 'storage.k8s.io', version: 'v1', kind: 'CSIDriver' },
];

function module(name: string, group: string, version: string, kind: string): string {
  return `export const ${name}: KindModule = {\n  group: '${group}',\n  version: '${version}',\n  kind: '${kind}',\n};\n`;
}

describe('the list of kinds', () => {
  const folders: [string, string, string][] = [
    ['', 'Pod', 'core/v1/pod'],
    ['autoscaling', 'HorizontalPodAutoscaler', 'autoscaling/v1/horizontal-pod-autoscaler'],
    ['storage.k8s.io', 'CSIDriver', 'storage.k8s.io/v1/csi-driver'],
    ['networking.k8s.io', 'IPAddress', 'networking.k8s.io/v1/ip-address'],
    ['networking.k8s.io', 'ServiceCIDR', 'networking.k8s.io/v1/service-cidr'],
  ];
  for (const [group, kind, folder] of folders) {
    test(`${kind} lives in ${folder}`, () => assert.equal(kindFolder({ group, version: 'v1', kind }), folder));
  }

  test('imports each module, and tells those of one name apart', () => {
    const text: string = kindModuleList(
      [
        ['core/v1/event/event.kind.ts', module('eventKind', '', 'v1', 'Event')],
        ['events.k8s.io/v1/event/event.kind.ts', module('eventKind', 'events.k8s.io', 'v1', 'Event')],
      ],
      resources,
    );
    assert.match(text, /import \{ eventKind \} from '\.\.\/core\/v1\/event\/event\.kind\.js';/);
    assert.match(text, /import \{ eventKind as eventKindOfEventsK8sIoV1 \} from/);
    assert.match(text, /\[\n {2}eventKind,\n {2}eventKindOfEventsK8sIoV1,\n\];/);
  });

  const wrong: [string, string, string, RegExp][] = [
    ['is in another folder', 'apps/v1/pod/pod.kind.ts', module('podKind', '', 'v1', 'Pod'), /place is core\/v1\/pod/],
    ['has another name', 'core/v1/pod/pods.kind.ts', module('podKind', '', 'v1', 'Pod'), /place is core\/v1\/pod/],
    ['is no kind', 'core/v1/cat/cat.kind.ts', module('catKind', '', 'v1', 'Cat'), /facts have no/],
    [
      'exports another name',
      'core/v1/pod/pod.kind.ts',
      module('pod', '', 'v1', 'Pod'),
      /exports pod instead of podKind/,
    ],
    ['exports nothing', 'core/v1/pod/pod.kind.ts', 'export const podKind = {};\n', /exports no KindModule/],
  ];
  for (const [name, path, text, message] of wrong) {
    test(`a module that ${name} is refused`, () =>
      assert.throws(() => kindModuleList([[path, text]], resources), message));
  }
});
