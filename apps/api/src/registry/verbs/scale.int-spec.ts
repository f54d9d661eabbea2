import assert from 'node:assert/strict';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, type TestServer, testServer } from '#testing';

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';

const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const KINDS: [kind: string, apiVersion: string, resource: GroupVersionResource][] = [
  ['Deployment', 'apps/v1', gvr.deployments],
  ['ReplicaSet', 'apps/v1', gvr.replicasets],
  ['StatefulSet', 'apps/v1', gvr.statefulsets],
  ['ReplicationController', 'v1', gvr.replicationcontrollers],
];

describe('the scale subresource', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  const pathOf = ({ group, version, resource }: GroupVersionResource, name: string) =>
    `${group ? `/apis/${group}` : '/api'}/${version}/namespaces/default/${resource}/${name}`;
  const workload = (kind: string, apiVersion: string, name: string, replicas?: number): KubeObject => ({
    apiVersion,
    kind,
    metadata: { name },
    spec: {
      ...(replicas === undefined ? undefined : { replicas }),
      selector: kind === 'ReplicationController' ? { app: 'x' } : { matchLabels: { app: 'x' } },
      template,
    },
  });
  const patch = (path: string, manager: string, type: string, body: unknown, query = '') =>
    call(server, `${path}?fieldManager=${manager}${query}`, {
      method: 'PATCH',
      headers: { 'content-type': type },
      body: body as object,
    });
  const scale = (name: string, replicas: number, metadata: object = {}) => ({
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace: 'default', ...metadata },
    spec: { replicas },
  });
  const get = async (path: string): Promise<KubeObject> => (await call(server, path)).json;
  /** Replicas, and who owns them: `operation manager version subresource`. */
  const owners = async (path: string) => {
    const { metadata, spec } = await get(path);
    const owning = (metadata.managedFields ?? []).filter(
      ({ fieldsV1 }) => (fieldsV1 as any)?.['f:spec']?.['f:replicas'] !== undefined,
    );
    const names = owning.map(
      (entry) => `${entry.operation} ${entry.manager} ${entry.apiVersion} ${entry.subresource ?? ''}`,
    );
    return [spec.replicas, ...names.map((name) => name.trimEnd())];
  };

  for (const [kind, apiVersion, resource] of KINDS) {
    test(`of a ${kind} is applied, patched and replaced, and its managers are those of the object`, async () => {
      const path = pathOf(resource, 'test');
      const below = `${path}/scale`;
      const object = workload(kind, apiVersion, 'test', 1);
      const ok = async (answer: Promise<{ code: number; body: Buffer }>) => {
        const { code, body } = await answer;
        assert.ok(code < 300, body.toString());
      };
      await ok(patch(path, 'whole', APPLY, object));
      assert.deepEqual(await owners(path), [1, `Apply whole ${apiVersion}`]);

      await ok(patch(below, 'patcher', MERGE, { spec: { replicas: 5 } }));
      assert.deepEqual(await owners(path), [5, `Update patcher ${apiVersion} scale`]);
      const again = await patch(path, 'whole', APPLY, object);
      assert.equal(again.code, 409);
      assert.match(again.json.message, /conflict with "patcher" with subresource "scale" using .*: \.spec\.replicas$/);
      await ok(patch(path, 'whole', APPLY, object, '&force=true'));
      assert.deepEqual(await owners(path), [1, `Apply whole ${apiVersion}`]);

      const refused = await patch(below, 'scaler', APPLY, scale('test', 17));
      assert.deepEqual(
        [refused.code, refused.json.message, refused.json.details.causes],
        [
          409,
          'Apply failed with 1 conflict: conflict with "whole": .spec.replicas',
          [{ reason: 'FieldManagerConflict', message: 'conflict with "whole"', field: '.spec.replicas' }],
        ],
      );
      await ok(patch(below, 'scaler', APPLY, scale('test', 17), '&force=true'));
      assert.deepEqual(await owners(path), [17, `Apply scaler ${apiVersion} scale`]);
      const { resourceVersion } = (await get(path)).metadata;
      await ok(patch(below, 'scaler', APPLY, scale('test', 17)));
      assert.equal((await get(path)).metadata.resourceVersion, resourceVersion, 'the same again changes nothing');

      await ok(call(server, `${below}?fieldManager=replacer`, { method: 'PUT', body: scale('test', 7) }));
      assert.deepEqual(await owners(path), [7, `Update replacer ${apiVersion} scale`]);
      await ok(patch(below, 'partner', APPLY, scale('test', 7)));
      assert.deepEqual(await owners(path), [
        7,
        `Apply partner ${apiVersion} scale`,
        `Update replacer ${apiVersion} scale`,
      ]);
      await ok(patch(below, 'patcher', MERGE, { spec: { replicas: 5 } }));
      assert.deepEqual(await owners(path), [5, `Update patcher ${apiVersion} scale`]);
    });
  }

  test('is applied as YAML, and dry runs store nothing', async () => {
    const path = pathOf(gvr.deployments, 'yaml');
    await patch(path, 'whole', APPLY, workload('Deployment', 'apps/v1', 'yaml', 1));
    const yaml = Buffer.from(
      '# three\napiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: yaml}\nspec: {replicas: 3}\n',
    );
    const dry = await patch(`${path}/scale`, 'scaler', APPLY, yaml, '&force=true&dryRun=All');
    assert.deepEqual([dry.code, dry.json.spec, dry.json.metadata.managedFields], [200, { replicas: 3 }, undefined]);
    assert.deepEqual(await owners(path), [1, 'Apply whole apps/v1']);
    const real = await patch(`${path}/scale`, 'scaler', APPLY, yaml, '&force=true');
    assert.deepEqual([real.code, real.json.kind, real.json.spec], [200, 'Scale', { replicas: 3 }]);
    assert.deepEqual(await owners(path), [3, 'Apply scaler apps/v1 scale']);
  });

  test('that nobody owned is nobody’s after an update, and is taken from what was before after an apply', async () => {
    const path = pathOf(gvr.deployments, 'free');
    await patch(path, 'whole', APPLY, workload('Deployment', 'apps/v1', 'free'));
    await patch(`${path}/scale`, 'patcher', MERGE, { spec: { replicas: 4 } });
    assert.deepEqual(await owners(path), [4]);
    const refused = await patch(`${path}/scale`, 'scaler', APPLY, scale('free', 6));
    assert.equal(refused.code, 409);
    assert.match(
      refused.json.message,
      /conflict with "before-first-apply" with subresource "scale" using autoscaling\/v1: \.spec\.replicas$/,
    );
    const same = await patch(`${path}/scale`, 'scaler', APPLY, scale('free', 4));
    assert.equal(same.code, 200);
    assert.deepEqual(await owners(path), [4, 'Apply scaler apps/v1 scale', 'Update before-first-apply apps/v1 scale']);
  });

  test('that is applied without replicas any more is none', async () => {
    const path = pathOf(gvr.deployments, 'none');
    await patch(path, 'whole', APPLY, workload('Deployment', 'apps/v1', 'none', 2));
    await patch(`${path}/scale`, 'scaler', APPLY, scale('none', 2), '&force=true');
    await patch(path, 'whole', APPLY, workload('Deployment', 'apps/v1', 'none'));
    const { spec: _, ...empty } = scale('none', 0);
    const answer = await patch(`${path}/scale`, 'scaler', APPLY, empty);
    assert.deepEqual([answer.code, answer.json.spec], [200, {}]);
    assert.deepEqual(await owners(path), [0]);
  });

  test('owns nothing of a status that a client sends', async () => {
    const path = pathOf(gvr.deployments, 'status');
    await patch(path, 'whole', APPLY, workload('Deployment', 'apps/v1', 'status', 1));
    await patch(`${path}/scale`, 'patcher', MERGE, { status: { replicas: 42 } });
    const { metadata, status } = await get(path);
    assert.deepEqual(
      metadata.managedFields?.map(({ manager }) => manager),
      ['whole'],
    );
    assert.equal(status?.replicas, undefined);
  });

  test('refuses what the reference refuses', async () => {
    const path = pathOf(gvr.deployments, 'refused');
    await patch(path, 'whole', APPLY, workload('Deployment', 'apps/v1', 'refused', 1));
    const below = `${path}/scale`;
    const cases: [what: string, code: number, message: RegExp, sent: () => ReturnType<typeof call>][] = [
      [
        'another kind',
        400,
        /^invalid object type: apps\/v1, Kind=Deployment$/,
        () => patch(below, 'm', APPLY, workload('Deployment', 'apps/v1', 'refused', 2)),
      ],
      ['another name', 400, /does not match the name on the URL/, () => patch(below, 'm', APPLY, scale('other', 2))],
      [
        'managed fields',
        400,
        /^metadata.managedFields must be nil$/,
        () => patch(below, 'm', APPLY, scale('refused', 2, { managedFields: [] })),
      ],
      ['no YAML', 400, /^error (decoding|encoding) patch: /, () => patch(below, 'm', APPLY, Buffer.from('a: ['))],
      [
        'no manager',
        422,
        /fieldManager: Required value: is required for apply patch/,
        () => call(server, below, { method: 'PATCH', headers: { 'content-type': APPLY }, body: scale('refused', 2) }),
      ],
      [
        'force without apply',
        422,
        /force: Forbidden: may not be specified for non-apply patch/,
        () => patch(below, 'm', MERGE, { spec: { replicas: 2 } }, '&force=true'),
      ],
      [
        'a negative number',
        422,
        /^Scale\.autoscaling "refused" is invalid: spec\.replicas: Invalid value: -1: must be greater than or equal to 0$/,
        () => patch(below, 'm', MERGE, { spec: { replicas: -1 } }),
      ],
      [
        'another uid',
        409,
        /Precondition failed: UID in precondition: u, UID in object meta: /,
        () => call(server, below, { method: 'PUT', body: scale('refused', 2, { uid: 'u' }) }),
      ],
      [
        'an old revision',
        409,
        /the object has been modified/,
        () => call(server, below, { method: 'PUT', body: scale('refused', 2, { resourceVersion: '1' }) }),
      ],
      [
        'an object that is not there',
        404,
        /^deployments\.apps "absent" not found$/,
        () => patch(`${pathOf(gvr.deployments, 'absent')}/scale`, 'm', APPLY, scale('absent', 2)),
      ],
    ];
    for (const [what, code, message, send] of cases) {
      const answer = await send();
      assert.equal(answer.code, code, `${what}: ${answer.body.toString()}`);
      assert.match(answer.json.message, message, what);
    }
    assert.deepEqual(await owners(path), [1, 'Apply whole apps/v1']);
  });
});
