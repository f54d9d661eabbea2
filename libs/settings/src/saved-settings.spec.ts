import assert from 'node:assert/strict';
import { flagLayer, resolveSettings } from './resolve.js';
import { readSavedSettings, savedText } from './saved-settings.js';

/** As the versions before the table wrote it. */
const EARLIER = {
  node: true,
  nodeName: 'alpha',
  nodeIp: '192.0.2.1',
  bindAddress: '0.0.0.0',
  securePort: 7443,
  agentPort: 10250,
  dnsPort: 10053,
  databaseUrl: '',
  clusterCidr: '10.12.0.0/16',
  serviceCidr: '10.97.0.0/16',
  nodePortRange: '31000-31999',
  clusterDomain: 'cluster.local',
  containerRuntimeEndpoint: '',
  cgroupDriver: 'auto',
  proxyMode: 'auto',
  components: 'api,controllers,scheduler',
  cgroupRoot: '/pods',
};

describe('Saved settings', () => {
  test('those of an earlier version are read, under their earlier names; what it lacked has its default', () => {
    const settings = readSavedSettings(JSON.stringify(EARLIER));
    assert.deepEqual(
      [settings.serviceClusterIpRange, settings.serviceNodePortRange, settings.securePort, settings.cgroupRoot],
      ['10.97.0.0/16', '31000-31999', 7443, '/pods'],
    );
    // Where the pods of that version are.
    assert.equal(settings.cgroupDriver, 'cgroupfs');
    assert.deepEqual([settings.logLevel, settings.sharedDatabase, settings.podLogsDir], ['info', false, undefined]);
  });

  test('are read as they were written', () => {
    const given = {
      'node-name': 'a',
      'node-ip': '192.0.2.1',
      'pod-manifest-path': '',
      tracing: 'true',
      'no-node': 'true',
    };
    const settings = resolveSettings('up', [flagLayer('up', given)]);
    assert.deepEqual(readSavedSettings(savedText(settings)), settings);
  });

  test('have neither the folder that they are in nor what only the call needs', () => {
    const written = JSON.parse(savedText(resolveSettings('up', []))) as object;
    for (const key of ['dataDir', 'config', 'timeout']) assert.equal(key in written, false, key);
  });

  test('an unknown key is of a later version, or of a setting that there is no more', () => {
    for (const other of [{ invented: 1 }, { refuseUnenforced: true }]) {
      const settings = readSavedSettings(JSON.stringify({ ...EARLIER, ...other }));
      assert.equal(settings.securePort, 7443);
      assert.equal(Object.keys(other)[0]! in settings, false);
    }
  });

  const damaged: [text: string, message: string | RegExp][] = [
    ['{"node": tru', /JSON/],
    ['[]', 'must be an object'],
    ['{}', 'node must be a boolean'],
    [JSON.stringify({ ...EARLIER, node: 'yes' }), 'node must be a boolean'],
    [JSON.stringify({ ...EARLIER, securePort: '6443' }), 'securePort must be a number'],
    [JSON.stringify({ ...EARLIER, serviceCidr: 10 }), 'serviceCidr must be a string'],
    [JSON.stringify({ ...EARLIER, logLevel: null }), 'logLevel must be a string'],
  ];
  for (const [text, message] of damaged) {
    test(`${text.slice(0, 20)} ... (${message}) is damaged`, () =>
      assert.throws(() => readSavedSettings(text), { message }));
  }
});
