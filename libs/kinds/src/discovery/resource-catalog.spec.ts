import assert from 'node:assert/strict';
import { allResources, findResource } from '../built-in/resources.js';
import type { ResourceDefinition } from '../contract/definition.js';
import { type CatalogChange, ResourceCatalog } from './resource-catalog.js';

function made(part: Partial<ResourceDefinition>): ResourceDefinition {
  const { group = 'example.com', version = 'v1', plural = 'widgets', kind = 'Widget', ...rest } = part;
  return {
    group,
    version,
    plural,
    kind,
    storageResource: `${group}/${plural}`,
    storageVersion: { group, version: 'v1' },
    ...rest,
  } as ResourceDefinition;
}

describe('the catalog of resources', () => {
  test('finds the built-in resources by path, kind and storage', () => {
    const catalog = new ResourceCatalog(allResources());
    for (const item of allResources()) {
      assert.equal(catalog.find(item.group, item.version, item.plural), item);
      assert.equal(catalog.findKind(item.group, item.version, item.kind), item);
    }
    assert.equal(catalog.findStored('events'), findResource('', 'v1', 'events'));
    assert.equal(catalog.findStored('autoscaling/horizontalpodautoscalers')?.version, 'v2');
    assert.deepEqual(catalog.list(), allResources());
    assert.equal(catalog.servesGroupVersion('apps', 'v1'), true);
    assert.equal(catalog.servesGroupVersion('apps', 'v2'), false);
  });

  test('tells its followers what came and went, until they let go', () => {
    const catalog = new ResourceCatalog();
    const told: CatalogChange[] = [];
    const stop = catalog.onChange((change) => told.push(change));
    const widgets = made({});
    catalog.add([widgets]);
    catalog.remove([widgets]);
    stop();
    catalog.add([widgets]);
    assert.deepEqual(told, [
      { added: [widgets], removed: [] },
      { added: [], removed: [widgets] },
    ]);
  });

  test('changes the generation of the group version that changed, and of no other', () => {
    const catalog = new ResourceCatalog(allResources());
    const apps = catalog.generationOf('apps', 'v1');
    const before = catalog.generation;
    const [old, next] = [made({}), made({ shortNames: ['w'] })];
    catalog.add([old]);
    const first = catalog.generationOf('example.com', 'v1');
    catalog.replace([old], [next]);
    assert.ok(catalog.generation > before);
    assert.ok(catalog.generationOf('example.com', 'v1')! > first!);
    assert.equal(catalog.generationOf('apps', 'v1'), apps);
    catalog.remove([next]);
    assert.equal(catalog.generationOf('example.com', 'v1'), undefined);
  });

  test('knows the stored version of what is served in several', () => {
    const catalog = new ResourceCatalog();
    const [v1, v2] = [made({}), made({ version: 'v2' })];
    catalog.add([v2]);
    assert.equal(catalog.findStored('example.com/widgets'), v2, 'the only one');
    catalog.add([v1]);
    assert.equal(catalog.findStored('example.com/widgets'), v1);
    catalog.remove([v1]);
    assert.equal(catalog.findStored('example.com/widgets'), v2);
  });

  const refused: [what: string, change: (catalog: ResourceCatalog) => void, text: RegExp][] = [
    [
      'a path that is served',
      (catalog) => catalog.add([made({ kind: 'Gadget' })]),
      /^example.com\/v1\/widgets is served already$/,
    ],
    [
      'a kind that is served',
      (catalog) => catalog.add([made({ plural: 'gadgets' })]),
      /^example.com\/v1\/gadgets is served already$/,
    ],
    [
      'one path twice',
      (catalog) => catalog.add([made({ plural: 'a', kind: 'A' }), made({ plural: 'a', kind: 'B' })]),
      /served already/,
    ],
    [
      'what is not served, taken out',
      (catalog) => catalog.remove([made({ plural: 'gadgets' })]),
      /^example.com\/v1\/gadgets is not served$/,
    ],
  ];
  for (const [what, change, text] of refused) {
    test(`refuses ${what}, and stays as it was`, () => {
      const catalog = new ResourceCatalog([made({})]);
      const { generation } = catalog;
      assert.throws(
        () => change(catalog),
        (error: Error) => text.test(error.message),
      );
      assert.equal(catalog.generation, generation);
      assert.equal(catalog.list().length, 1);
    });
  }
});
