import assert from 'node:assert/strict';
import { appliedProblemSteps, atOnce } from '#apimachinery';
import { schemaNode } from './schema-node.js';
import { Structural } from './structural/structural.js';
import { structuralNode } from './structural/structural-node.js';

const pod = (container: object) => ({ spec: { containers: [{ name: 'a', ...container }] } });
const UNDECLARED = 'field not declared in schema';

describe('what of an applied configuration does not fit its type', () => {
  const cases: [what: string, kind: string, applied: object, problems: string[]][] = [
    ['nothing', 'Pod', pod({ env: [{ name: 'X' }], resources: { limits: { 'any/thing': 1 } } }), []],
    ['a field of the root', 'Pod', { spc: {}, spec: {} }, [`.spc: ${UNDECLARED}`]],
    [
      'a field in an item',
      'Pod',
      pod({ ports: [{ containerPort: 80, prt: 1 }] }),
      [`.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].prt: ${UNDECLARED}`],
    ],
    [
      'a field in an item without a key',
      'Pod',
      { spec: { tolerations: [{}, { ky: '' }] } },
      [`.spec.tolerations[1].ky: ${UNDECLARED}`],
    ],
    [
      'the first of an object',
      'Pod',
      { metadata: { x: 1, y: 1 }, spec: { z: 1 } },
      [`.metadata.x: ${UNDECLARED}`, `.spec.z: ${UNDECLARED}`],
    ],
    [
      'a key that is there twice',
      'Pod',
      pod({ env: [{ name: 'X', value: '1' }, { name: 'X' }] }),
      ['.spec.containers[name="a"].env: duplicate entries for key [name="X"]'],
    ],
    [
      'a value that is there twice',
      'Pod',
      { metadata: { finalizers: ['a', 'b', 'a'] } },
      ['.metadata.finalizers: duplicate entries for key [="a"]'],
    ],
    [
      'an item that is no object',
      'Pod',
      { spec: { containers: ['x'] } },
      ['.spec.containers: element 0: associative list with keys may not have non-map elements'],
    ],
    [
      'an item that is null',
      'Pod',
      { spec: { containers: [null] } },
      ['.spec.containers: element 0: associative list with keys may not have a null element'],
    ],
    [
      'a set of objects',
      'Pod',
      { metadata: { finalizers: [{}] } },
      [".metadata.finalizers: element 0: associative list without keys has an element that's a map type"],
    ],
    [
      'a set of lists',
      'Pod',
      { metadata: { finalizers: [[]] } },
      ['.metadata.finalizers: element 0: not supported: associative list with lists as elements'],
    ],
    [
      'a set with null',
      'Pod',
      { metadata: { finalizers: [null] } },
      [".metadata.finalizers: element 0: associative list without keys has an element that's an explicit null"],
    ],
  ];
  for (const [what, kind, applied, problems] of cases) {
    test(what, () =>
      assert.deepEqual(
        atOnce(appliedProblemSteps(schemaNode(`io.k8s.api.core.v1.${kind}`), applied as never, undefined)),
        problems,
      ),
    );
  }

  test('an item without any key that has no default', () => {
    const item = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } };
    const list = {
      type: 'array',
      items: item,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['b', 'a'],
    };
    const schema = structuralNode(Structural.root({ type: 'object', properties: { list } } as never));
    const problems = (applied: object) => atOnce(appliedProblemSteps(schema, applied as never, undefined));
    assert.deepEqual(problems({ list: [{ a: '1' }, { b: '1' }] }), []);
    assert.deepEqual(problems({ list: [{}] }), [
      `.list: element 0: associative list with keys has an element that omits all key fields ["b" "a"] (and doesn't have default values for any key fields)`,
    ]);
  });
});
