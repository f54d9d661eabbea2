import assert from 'node:assert/strict';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';

const GROUP = 'shop.example.com';

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

const spec = object(
  {
    color: { type: 'string', description: 'What the gadget looks like.', default: 'grey' },
    replicas: { type: 'integer', minimum: 0, default: 1 },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: object({ name: { type: 'string' }, port: { type: 'integer' } }, { required: ['name'] }),
    },
  },
  {
    'x-kubernetes-validations': [
      { rule: "self.color != 'pink' || self.replicas < 3", message: 'at most two may be pink' },
      { rule: 'self.replicas >= oldSelf.replicas - 5', message: 'no more than five may go at once' },
    ],
  },
);
const status = object({ replicas: { type: 'integer' }, selector: { type: 'string' }, phase: { type: 'string' } });
const version = (name: string, more: object) => ({
  name,
  served: true,
  storage: false,
  schema: { openAPIV3Schema: object({ spec, status }, { description: 'Gadget is a thing of the shop.' }) },
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  additionalPrinterColumns: [
    { name: 'Color', type: 'string', jsonPath: '.spec.color' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', priority: 1 },
  ],
  selectableFields: [{ jsonPath: '.spec.color' }],
  ...more,
});
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `gadgets.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', shortNames: ['gd'], categories: ['shop'] },
    versions: [version('v1', { storage: true }), version('v1beta1', { deprecated: true })],
  },
};
const gadget = (name: string, own: object = {}, apiVersion = `${GROUP}/v1`) =>
  JSON.stringify({ apiVersion, kind: 'Gadget', metadata: { name }, spec: own });

/** One cluster, without a node: what a user does with kubectl from the definition of a kind to its end. */
describeUnless(clusterMissing(), 'custom resources through kubectl', () => {
  let cluster: Cluster;
  const kubectl = (...args: string[]) => cluster.kubectl(...args);
  const refused = async (input: string, ...args: string[]): Promise<string> => {
    const command = ['kubectl', `--kubeconfig=${cluster.kubeconfig}`, ...args];
    const { code, stdout, stderr } = await cluster.run(command, { input });
    assert.notEqual(code, 0, stdout);
    return stderr;
  };

  beforeAll(async () => {
    cluster = new Cluster('custom');
    await cluster.up('--no-node');
    await cluster.apply(JSON.stringify(definition));
    await kubectl('wait', '--for=condition=Established', `crd/gadgets.${GROUP}`, '--timeout=30s');
  });
  afterAll(async () => {
    await cluster?.close();
  });

  test('is found under all its names, and explained', async () => {
    assert.match(
      await kubectl('api-resources', `--api-group=${GROUP}`),
      /gadgets\s+gd\s+shop\.example\.com\/v1\s+true\s+Gadget/,
    );
    const explained = await kubectl('explain', 'gadget.spec.color');
    assert.match(explained, /What the gadget looks like\./);
    assert.match(await kubectl('explain', 'gd', '--recursive'), /ports\s+<\[\]Object>/);
    assert.match(await kubectl('get', 'crd'), new RegExp(`gadgets.${GROUP}`));
  });

  test('is applied, with its defaults, and shown in its columns', async () => {
    await cluster.apply(gadget('a', { color: 'red' }));
    await cluster.apply(gadget('b'));
    const { spec: stored } = await cluster.json('get', 'gadget', 'b');
    assert.deepEqual(stored, { color: 'grey', replicas: 1 });
    const table = await kubectl('get', 'gd', '--no-headers', '-o', 'wide');
    assert.deepEqual(
      table
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/).slice(0, 2)),
      [
        ['a', 'red'],
        ['b', 'grey'],
      ],
    );
    const found = await kubectl('get', 'shop', '-o', 'name', '--field-selector', 'spec.color=red');
    assert.equal(found.trim(), `gadget.${GROUP}/a`);
    assert.match(await kubectl('describe', 'gd', 'a'), /Color:\s+red/);
  });

  test('is refused where its schema or its rules say so', async () => {
    assert.match(
      await refused(gadget('bad', { color: 'pink', replicas: 3 }), 'create', '-f', '-'),
      /The Gadget "bad" is invalid: spec: Invalid value: .*at most two may be pink/s,
    );
    assert.match(
      await refused(gadget('bad', { replicas: 'x' }), 'create', '-f', '-'),
      /spec\.replicas in body must be of type integer: "string"/,
    );
    assert.match(await refused(gadget('bad', { shape: 'round' }), 'create', '-f', '-'), /unknown field "spec\.shape"/);
    await kubectl('patch', 'gd', 'a', '--type=merge', '-p', '{"spec":{"replicas":9}}');
    assert.match(
      await refused('', 'patch', 'gd', 'a', '--type=merge', '-p', '{"spec":{"replicas":1}}'),
      /no more than five may go at once/,
    );
  });

  test('is applied in a List, beside others, and validated there', async () => {
    const command = ['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'apply', '-f', '-'];
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'listed' } };
    const list = (more: object) =>
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'List' },
        items: [JSON.parse(gadget('listed', { color: 'blue' })), { ...map, ...more }],
      });
    await cluster.ok(command, { input: list({ data: { a: '1' } }) });
    assert.equal((await cluster.json('get', 'configmap', 'listed')).data.a, '1');
    const { code, stderr } = await cluster.run(command, { input: list({ dta: {} }) });
    assert.equal(code, 1);
    assert.match(stderr, /unknown field "dta" in io\.k8s\.api\.core\.v1\.ConfigMap/);
    await kubectl('delete', 'gd', 'listed');
  });

  test('is served in both versions, and warns of the old one', async () => {
    const old = await cluster.json('get', `gadgets.v1beta1.${GROUP}`, 'a');
    assert.deepEqual([old.apiVersion, old.spec.color], [`${GROUP}/v1beta1`, 'red']);
    const command = ['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'apply', '-f', '-'];
    const { code, stderr } = await cluster.run(command, {
      input: gadget('old', { color: 'blue' }, `${GROUP}/v1beta1`),
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`Warning: ${GROUP}/v1beta1 Gadget is deprecated; use ${GROUP}/v1 Gadget`));
    assert.equal((await cluster.json('get', 'gd', 'old')).spec.color, 'blue');
  });

  test('scales, and has a status of its own', async () => {
    await kubectl('scale', 'gadget/b', '--replicas=4');
    assert.equal((await cluster.json('get', 'gd', 'b')).spec.replicas, 4);
    await kubectl(
      'patch',
      'gd',
      'b',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"phase":"Ready","replicas":2}}',
    );
    assert.match(await kubectl('get', 'gd', 'b', '-o', 'wide', '--no-headers'), /Ready/);
    const scale = JSON.parse(await kubectl('get', '--raw', `/apis/${GROUP}/v1/namespaces/default/gadgets/b/scale`));
    assert.deepEqual([scale.kind, scale.spec, scale.status.replicas], ['Scale', { replicas: 4 }, 2]);
  });

  test('is patched, and applied on the server with owners of list items', async () => {
    const put = '[{"op":"add","path":"/spec/ports","value":[{"name":"http","port":80}]}]';
    await kubectl('patch', 'gd', 'a', '--type=json', '-p', put);
    const apply = (manager: string, port: number, ...more: string[]) => [
      gadget('applied', { ports: [{ name: manager, port }] }),
      ...['apply', '--server-side', `--field-manager=${manager}`, '-f', '-', ...more],
    ];
    const run = ([input, ...args]: string[]) =>
      cluster.ok(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, ...args], { input: input! });
    await run(apply('one', 1));
    await run(apply('two', 2));
    const { ports } = (await cluster.json('get', 'gd', 'applied')).spec;
    assert.deepEqual(ports, [
      { name: 'one', port: 1 },
      { name: 'two', port: 2 },
    ]);
    const [input, ...args] = apply('two', 3);
    const other = input!.replace('"name":"two"', '"name":"one"');
    assert.match(await refused(other, ...args), /conflict with "one".*\.spec\.ports\[name="one"\]\.port/s);
    assert.match(
      await refused('', 'patch', 'gd', 'a', '--type=strategic', '-p', '{}'),
      /UnsupportedMediaType|media type|strategic merge patch/,
    );
  });

  test('changes its schema, and goes with its definition', async () => {
    const changed = structuredClone(definition) as any;
    for (const { schema } of changed.spec.versions) {
      schema.openAPIV3Schema.properties.spec.properties.size = { type: 'integer', default: 7 };
    }
    await cluster.apply(JSON.stringify(changed));
    await until('the new default is there', async () => (await cluster.json('get', 'gd', 'b')).spec.size === 7);
    await until('it is explained', async () => {
      const { code } = await cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'explain', 'gd.spec.size']);
      return code === 0;
    });
    await kubectl('delete', 'crd', `gadgets.${GROUP}`, '--timeout=60s');
    // By the server, or by what kubectl remembers of its discovery.
    const unknown = /doesn't have a resource type "gadgets"|could not find the requested resource/;
    assert.match(await refused('', 'get', 'gadgets'), unknown);
    await cluster.apply(JSON.stringify(definition));
    await kubectl('wait', '--for=condition=Established', `crd/gadgets.${GROUP}`, '--timeout=30s');
    assert.equal((await cluster.json('get', 'gd')).items.length, 0);
  });
});
