import assert from 'node:assert/strict';
import { flagsOf, parseFlags } from './flags.js';
import { argumentsOf, byFlag, environmentLayer, flagLayer, resolveSettings, settingsLayer } from './resolve.js';
import type { Program } from './setting.js';
import { SETTINGS } from './table.js';

const layer = (program: Program, ...args: string[]) => flagLayer(program, parseFlags(flagsOf(program), args).values);

describe('Values of settings', () => {
  test('come from the first layer that has them, else they are the default', () => {
    const last = settingsLayer({ securePort: 7000, dnsPort: 7001 }, byFlag('up'));
    const settings = resolveSettings('up', [layer('up', '--secure-port=8000'), last]);
    assert.deepEqual([settings.securePort, settings.dnsPort, settings.agentPort], [8000, 7001, 10250]);
  });

  test('come from the environment where a setting names a variable', () => {
    const url = (variable: string) =>
      resolveSettings('server', [environmentLayer('server', { DATABASE_URL: variable })]).databaseUrl;
    assert.deepEqual([url('postgres://db'), url('')], ['postgres://db', undefined]);
    assert.throws(() => url('mysql://user:word@db'), {
      message: '$DATABASE_URL: must begin with postgres:// or postgresql://',
    });
  });

  test('have their usual form', () => {
    const settings = resolveSettings('up', [
      layer(
        'up',
        '--node-name=Alpha',
        '--cluster-cidr=10.12.3.4/16',
        '--container-runtime-endpoint=unix:///run/c.sock',
      ),
    ]);
    assert.deepEqual(
      [settings.nodeName, settings.clusterCidr, settings.containerRuntimeEndpoint],
      ['alpha', '10.12.0.0/16', '/run/c.sock'],
    );
  });

  test('--no-node means the contrary of its setting', () => {
    const node = (...args: string[]) => resolveSettings('up', [layer('up', ...args)]).node;
    assert.deepEqual([node(), node('--no-node'), node('--no-node=false')], [undefined, false, true]);
    assert.throws(() => node('--no-node=maybe'), { message: '--no-node: must be true or false: got maybe' });
  });

  test('a bad one is called as its layer calls it', () => {
    const saved = settingsLayer({ securePort: 70000 }, ({ key }) => `${key} in settings.json`);
    assert.throws(() => resolveSettings('up', [saved]), {
      message: 'securePort in settings.json: must be a port number (1-65535): got 70000',
    });
    assert.throws(() => resolveSettings('agent', [layer('agent', '--port=x')]), { message: /^--port: / });
  });

  test('what one could not see is quoted', () => {
    const name = (value: string) => () => resolveSettings('up', [layer('up', `--node-name=${value}`)]);
    assert.throws(name('a b'), { message: '--node-name: must be a DNS name: got "a b"' });
    assert.throws(name(''), { message: '--node-name: must be a DNS name: got ""' });
  });

  test('are what a program reads from the arguments that they make', () => {
    const given = resolveSettings('up', [
      layer('up', '--node-name=n', '--node-ip=192.0.2.1', '--tracing', '--eviction-hard=', '--log-level=debug'),
    ]);
    for (const program of ['server', 'agent'] as const) {
      const read = resolveSettings(program, [layer(program, ...argumentsOf(program, given))]);
      for (const setting of SETTINGS.filter(({ programs }) => programs[program]))
        assert.deepEqual(Reflect.get(read, setting.key), Reflect.get(given, setting.key), `${program}: ${setting.key}`);
    }
  });

  test('make one argument each, or one for each item where a program takes it so', () => {
    const settings = resolveSettings('up', [layer('up', '--dns-upstream=192.0.2.1,192.0.2.2:5353')]);
    assert.deepEqual(argumentsOf('dns', settings), [
      '--cluster-cidr=10.244.0.0/16',
      '--cluster-domain=cluster.local',
      '--upstream=192.0.2.1',
      '--upstream=192.0.2.2:5353',
    ]);
    assert.equal(
      argumentsOf('agent', settings).some((argument) => argument.startsWith('--cluster-dns=')),
      false,
    );
  });
});
