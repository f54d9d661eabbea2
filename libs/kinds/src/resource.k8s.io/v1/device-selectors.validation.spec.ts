import assert from 'node:assert/strict';
import { compileCel } from '#cel';
import { context, resource } from '../../testing/spec-support.js';
import { FieldCursor } from '../../validation/field-cursor.js';
import { checkSelectors, deviceEnvironment } from './device-selectors.validation.js';

function errorsOf(expression: string, known = false): string[] {
  const at = new FieldCursor();
  checkSelectors(at, [{ cel: { expression } }], known);
  return at.all().map(({ field, message }) => `${field}: ${message}`);
}

const at = 'selectors[0].cel.expression';
const attribute = 'device.attributes["dra.example.com"]';
const capacity = 'device.capacity["dra.example.com"]';
const tens = '[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]';
const nested = ['x', 'y', 'z', 'z2', 'z3', 'z4', 'z5'].reduceRight(
  (body, name) => `${tens}.all(${name}, ${body})`,
  `int('1'.find('[0-9]*')) < 100`,
);

describe('expressions that select devices', () => {
  /** Estimates of k8s.io/dynamic-resource-allocation/cel/compile_test.go. */
  const costs: readonly (readonly [string, bigint])[] = [
    ['"no-such-domain" in device.attributes', 3n],
    ['device.driver == "dra.example.com"', 4n],
    [`${attribute}.name`, 4n],
    [`${attribute}["name"]`, 4n],
    [`cel.bind(dra, ${attribute}, dra.name)`, 15n],
    [`${attribute}.name > 0`, 5n],
    [`${attribute}.name == "fish"`, 5n],
    [`${attribute}.names.size() == 2`, 6n],
    [`${attribute}.name.isGreaterThan(semver("0.0.1"))`, 6n],
    [`${attribute}.name.isGreaterThan(semver("v0.0.1", true)) && isSemver("v1.0.0", true)`, 7n],
    [`${capacity}.name.isGreaterThan(quantity("1Ki"))`, 6n],
    [`"name" in ${capacity} && ${capacity}.name.isGreaterThan(quantity("1Ki"))`, 10n],
    [`!("name" in ${capacity}) || ${capacity}.name.isGreaterThan(quantity("1Ki"))`, 11n],
    [`${attribute}.a && ${attribute}.b && ${attribute}.c`, 12n],
    ['device.attributes.exists_one(x, x == "dra.example.com")', 164n],
    [`${attribute}.exists_one(x, x == "services")`, 133n],
    [`${attribute}.services.split("example").size() >= 2`, 19n],
    [`${attribute}.services.matches("[^a]?sym")`, 18n],
    ['device.capacity.exists_one(x, x == "dra.example.com")', 164n],
    [`${capacity}.exists_one(x, x == "memory")`, 133n],
    ['device.allowMultipleAllocations == true', 3n],
    [nested, 85_555_551n],
  ];
  for (const [expression, cost] of costs) {
    it(`estimates ${expression}`, () => {
      assert.equal(compileCel(expression, deviceEnvironment).estimatedCost().max, cost);
    });
  }

  const good = [
    'true',
    'kubernetes.DRADevice{driver: "a"} == device',
    `${attribute}.name`,
    `cel.bind(dra, ${attribute}, dra.oneBool && dra.anotherBool)`,
  ];
  for (const expression of good) it(`accepts ${expression}`, () => assert.deepEqual(errorsOf(expression), []));

  const refused: readonly (readonly [string, string])[] = [
    ['1', `${at}: Invalid value: "1": must evaluate to bool or the unknown type, not int`],
    [
      '',
      `${at}: Invalid value: "": compilation failed: ERROR: <input>:1:0: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`,
    ],
    ['dyn(true)', `${at}: Invalid value: "dyn(true)": must evaluate to bool or the unknown type, not dyn`],
    [
      'device.attributes',
      `${at}: Invalid value: "device.attributes": must evaluate to bool or the unknown type, not map(string, map(string, google.protobuf.Any))`,
    ],
    [
      'device.nodeName == ""',
      `${at}: Invalid value: "device.nodeName == \\"\\"": compilation failed: ERROR: <input>:1:7: undefined field 'nodeName'\n | device.nodeName == ""\n | ......^`,
    ],
    [
      'cel.bind(a.b, 1, true)',
      `${at}: Invalid value: "cel.bind(a.b, 1, true)": compilation failed: ERROR: <input>:1:11: cel.bind() variable names must be simple identifiers\n | cel.bind(a.b, 1, true)\n | ..........^`,
    ],
    [nested, `${at}: Forbidden: too complex, exceeds cost limit`],
    ['x'.repeat(10_241), `${at}: Too long: may not be more than 10240 bytes`],
  ];
  for (const [expression, error] of refused) {
    it(`refuses ${expression.slice(0, 60)}`, () => assert.deepEqual(errorsOf(expression), [error]));
  }

  it('refuses functions of lists in attributes, whose values are no lists', () => {
    for (const call of ['exists(id, id == 1)', 'includes("fish")']) {
      assert.match(errorsOf(`${attribute}.ids.${call}`).join(), /compilation failed/);
    }
  });

  const exactly = (selectors: object[]) => ({
    deviceClassName: 'a',
    allocationMode: 'ExactCount',
    count: 1,
    selectors,
  });
  const claimOf = (selectors: object[]) => ({
    devices: {
      requests: [
        { name: 'a', exactly: exactly(selectors.slice(0, 2)) },
        { name: 'b', firstAvailable: [{ name: 'c', ...exactly(selectors.slice(2)) }] },
      ],
    },
  });
  const kinds: readonly (readonly [kind: string, spec: (selectors: object[]) => object])[] = [
    ['resourceclaims', claimOf],
    ['resourceclaimtemplates', (selectors) => ({ spec: claimOf(selectors) })],
    ['deviceclasses', (selectors) => ({ selectors })],
  ];
  for (const [kind, specOf] of kinds) {
    it(`pauses after each expression of ${kind}, and looks at it once`, () => {
      let reads = 0;
      const selectorOf = (expression: string) => ({
        cel: {
          get expression() {
            reads += 1;
            return expression;
          },
        },
      });
      const { strategy } = resource(`resource.k8s.io/v1/${kind}`);
      const spec = specOf(['true', '1', 'false'].map(selectorOf));
      const object = { apiVersion: 'resource.k8s.io/v1', kind: '', metadata: { name: 'a', namespace: 'a' }, spec };
      assert.equal([...strategy.validateAhead!(object, undefined)].length, 3);
      const errors = strategy.validateCreate(object, context());
      const found = errors.map(({ message }) => message).filter((message) => message.includes('must evaluate to'));
      assert.equal(found.length, 1, JSON.stringify(errors));
      assert.equal(reads, 3);
      assert.equal([...strategy.validateAhead!(object, structuredClone(object))].length, 0);
    });
  }

  it('does not compile what is stored', () => assert.deepEqual(errorsOf('?!', true), []));
});
