import assert from 'node:assert/strict';
import { readConfigurationFile } from './configuration-file.js';
import { flagLayer, resolveSettings } from './resolve.js';

const HEAD = 'apiVersion: berth.io/v1alpha1\nkind: ClusterConfiguration\n';
const read = (text: string) => readConfigurationFile('berth.yaml', text);
const resolved = async (text: string, flags: Record<string, string> = {}) =>
  resolveSettings('up', [flagLayer('up', flags), await read(HEAD + text)]);

describe('The file of up --config', () => {
  test('has values of settings; lists may be lists', async () => {
    const settings = await resolved(
      'securePort: 7443\nnode: false\ncomponents: [api, controllers]\nevictionHard:\n- memory.available<200Mi\n- nodefs.available<5%\n',
    );
    assert.deepEqual(
      [settings.securePort, settings.node, settings.components, settings.evictionHard],
      [7443, false, 'api,controllers', 'memory.available<200Mi,nodefs.available<5%'],
    );
  });

  test('flags override it', async () => {
    const settings = await resolved('securePort: 7443\nagentPort: 7250\nnode: false', {
      'secure-port': '8443',
      'no-node': 'false',
    });
    assert.deepEqual([settings.securePort, settings.agentPort, settings.node], [8443, 7250, true]);
  });

  const refused: [what: string, text: string, message: string | RegExp][] = [
    ['what is not YAML', `${HEAD}securePort: [`, /^berth\.yaml: .*line 3/],
    ['an empty file', '', 'berth.yaml: must be an object of the kind ClusterConfiguration'],
    ['a list', '- a', 'berth.yaml: must be an object of the kind ClusterConfiguration'],
    [
      'another version',
      'apiVersion: v1\nkind: ClusterConfiguration',
      'berth.yaml: apiVersion: must be berth.io/v1alpha1: got "v1"',
    ],
    ['no kind', 'apiVersion: berth.io/v1alpha1', 'berth.yaml: kind: must be ClusterConfiguration: got nothing'],
    ['a key twice', `${HEAD}securePort: 1\nsecurePort: 2`, /^berth\.yaml: Map keys must be unique/],
    ['an unknown key', `${HEAD}colour: red`, 'berth.yaml: colour: unknown key'],
    ['a key of every object', `${HEAD}constructor: red`, 'berth.yaml: constructor: unknown key'],
    ['a key that is only a flag', `${HEAD}dataDir: /d`, 'berth.yaml: dataDir: unknown key'],
    ['a text for a number', `${HEAD}securePort: "7443"`, 'berth.yaml: securePort: must be a number: got "7443"'],
    ['a number for a text', `${HEAD}nodeName: 7`, 'berth.yaml: nodeName: must be a string: got 7'],
    ['nothing', `${HEAD}logLevel:`, 'berth.yaml: logLevel: must be a string: got null'],
    ['an object', `${HEAD}components: {api: true}`, /^berth\.yaml: components: must be a string or a list of strings/],
    ['a number in a list', `${HEAD}components: [api, 7]`, 'berth.yaml: components[1]: must be a string: got 7'],
  ];
  for (const [what, text, message] of refused) {
    test(`${what} is refused`, () => assert.rejects(read(text), { name: 'SettingError', message }));
  }

  const wrong: [text: string, message: RegExp][] = [
    ['securePort: 70000', /^berth\.yaml: securePort: must be a port number \(1-65535\): got 70000$/],
    ['securePort: 1.5', /^berth\.yaml: securePort: must be a port number/],
    [
      'components: [api, kitchen]',
      /^berth\.yaml: components: must be one of api, controllers, scheduler: got kitchen$/,
    ],
    ['evictionHard: disk<5%', /^berth\.yaml: evictionHard: unsupported eviction signal disk$/],
    [
      'imageGcLowThreshold: 90',
      /^berth\.yaml: imageGcLowThreshold: must not be above --image-gc-high-threshold \(85\)/,
    ],
  ];
  for (const [text, message] of wrong) {
    test(`${text} is refused by its key`, () => assert.rejects(resolved(text), { name: 'SettingError', message }));
  }
});
