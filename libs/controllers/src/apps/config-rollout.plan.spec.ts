import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import {
  type ConfiguredWorkload,
  configReferences,
  OBSERVED_CONFIG,
  planConfigRollout,
  RESTART_ON_CONFIG_CHANGE,
} from './config-rollout.plan.js';

const configMap = (name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name, uid: `uid-${name}` },
  data,
});
const secret = (name: string, data: Record<string, string>, uid = `uid-${name}`): KubeObject => ({
  ...configMap(name, data),
  metadata: { namespace: 'default', name, uid },
});

const SPEC = {
  containers: [
    {
      name: 'main',
      envFrom: [{ configMapRef: { name: 'env' } }],
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'key', key: 'a', optional: true } } }],
    },
  ],
};

function workload(annotations: Record<string, string>, spec: object = SPEC): ConfiguredWorkload {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'default', name: 'web', annotations },
    spec: { template: { spec: spec as never } },
  };
}

/** A look at a world of these objects, by a workload that remembers `observed`. */
function look(objects: Record<string, KubeObject>, observed?: string, on = 'true', spec: object = SPEC) {
  const annotations = {
    [RESTART_ON_CONFIG_CHANGE]: on,
    ...(observed === undefined ? {} : { [OBSERVED_CONFIG]: observed }),
  };
  return planConfigRollout(workload(annotations, spec), ({ kind, name }) => objects[`${kind}/${name}`]);
}

const WORLD = { 'configmap/env': configMap('env', { a: '1' }), 'secret/key': secret('key', { a: 'MQ==' }) };

function remembered(objects: Record<string, KubeObject> = WORLD): string {
  const plan = look(objects);
  assert.ok(plan.type === 'remember');
  return plan.observed;
}

describe('references to configuration', () => {
  it('are those that containers mount or read, each once, and optional when every use is', () => {
    const spec = {
      imagePullSecrets: [{ name: 'registry' }],
      initContainers: [{ name: 'init', envFrom: [{ secretRef: { name: 'both', optional: true } }] }],
      containers: [{ name: 'main', env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'one', key: 'a' } } }] }],
      volumes: [
        { name: 'a', configMap: { name: 'one', optional: true } },
        { name: 'b', secret: { secretName: 'both' } },
        { name: 'c', projected: { sources: [{ configMap: { name: 'part', optional: true } }, { downwardAPI: {} }] } },
        { name: 'd', emptyDir: {} },
      ],
    };
    assert.deepEqual(configReferences(spec as never), [
      { kind: 'secret', name: 'both', optional: false },
      { kind: 'configmap', name: 'one', optional: false },
      { kind: 'configmap', name: 'part', optional: true },
    ]);
  });
});

describe('a look at the configuration of a workload', () => {
  it('does nothing for one that does not ask for it', () => {
    assert.deepEqual(look(WORLD, undefined, 'false'), { type: 'nothing' });
  });

  it('only remembers at first', () => {
    assert.match(remembered(), /^configmap\/env=[0-9a-f]{16},secret\/key=[0-9a-f]{16}$/);
  });

  it('does nothing while nothing changes, metadata not counted', () => {
    const labelled = {
      ...WORLD['configmap/env']!,
      metadata: { ...WORLD['configmap/env']!.metadata, labels: { a: 'b' } },
    };
    assert.deepEqual(look({ ...WORLD, 'configmap/env': labelled }, remembered()), { type: 'nothing' });
  });

  it('rolls when data change, says what changed, and hashes the whole', () => {
    const plan = look({ ...WORLD, 'configmap/env': configMap('env', { a: '2' }) }, remembered());
    assert.ok(plan.type === 'roll');
    assert.deepEqual(plan.changed, ['configmap/env']);
    assert.match(plan.hash, /^[0-9a-f]{16}$/);
    assert.notEqual(plan.observed, remembered());
  });

  it('rolls when an optional object comes or goes', () => {
    const { 'secret/key': key, ...without } = WORLD;
    const gone = look(without, remembered());
    assert.ok(gone.type === 'roll' && gone.changed[0] === 'secret/key');
    const back = look({ ...without, 'secret/key': key }, gone.observed);
    assert.ok(back.type === 'roll' && back.observed === remembered());
  });

  it('waits while an object is missing that pods need', () => {
    const { 'configmap/env': _env, ...without } = WORLD;
    assert.deepEqual(look(without, remembered()), { type: 'nothing' });
    assert.deepEqual(look(without), { type: 'nothing' });
  });

  it('remembers other references without another rollout, unless one that stayed has changed', () => {
    const spec = { containers: [{ name: 'main', envFrom: [{ configMapRef: { name: 'env' } }] }] };
    assert.equal(look(WORLD, remembered(), 'true', spec).type, 'remember');
    const changed = { 'configmap/env': configMap('env', { a: '2' }) };
    assert.equal(look(changed, remembered(), 'true', spec).type, 'roll');
  });

  it('tells Secrets apart by who they are, so that no digest gives away a short one', () => {
    const other = remembered({ ...WORLD, 'secret/key': secret('key', { a: 'MQ==' }, 'uid-other') });
    assert.notEqual(other, remembered());
  });

  it('forgets when it is switched off', () => {
    assert.deepEqual(look(WORLD, remembered(), 'false'), { type: 'forget' });
  });
});
