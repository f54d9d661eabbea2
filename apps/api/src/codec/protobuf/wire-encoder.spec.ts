import assert from 'node:assert/strict';
import { allResources } from '#kinds';
import { decodeMessage } from './wire-decoder.js';
import { encodeMessage } from './wire-encoder.js';
import { fieldsOf, messageName, type WireFields } from './wire-messages.js';

const hex = (message: string, object: object) => encodeMessage(message, object).toString('hex');
/** Written with spaces, to be read. */
const bytes = (text: string) => text.replace(/\s/g, '');

/** Metadata of which nothing is set. */
const META = '0a00 1200 1a00 2200 2a00 3200 3800 4200';

describe('what Go writes', () => {
  const TABLE: [what: string, message: string, object: object, hex: string][] = [
    ['values are there when they are unset', 'core.v1.ContainerPort', {}, '0a00 1000 1800 2200 2a00'],
    ['and so are those of values in them', 'core.v1.ObjectFieldSelector', { fieldPath: 'a' }, '0a00 120161'],
    ['pointers are not', 'core.v1.SELinuxOptions', {}, '0a00 1200 1a00 2200'],
    ['unless they are set to zero', 'core.v1.EnvFromSource', { configMapRef: {} }, '0a00 1204 0a02 0a00'],
    ['false behind a pointer', 'core.v1.ConfigMap', { metadata: null, immutable: false }, `0a10 ${META} 2000`],
    ['an empty list is nothing', 'meta.v1.LabelSelectorRequirement', { values: [] }, '0a00 1200'],
    [
      'maps are in order',
      'meta.v1.LabelSelector',
      { matchLabels: { b: '', a: '1' } },
      '0a06 0a0161 120131 0a05 0a0162 1200',
    ],
    [
      'numbers of a list one by one',
      'core.v1.ContainerRestartRuleOnExitCodes',
      { values: [1, 300] },
      '0a00 1001 10ac02',
    ],
    [
      'negative numbers are ten bytes',
      'batch.v1.PodFailurePolicyOnExitCodesRequirement',
      { values: [-1] },
      '1200 18ffffffffffffffffff01',
    ],
    ['large numbers', 'core.v1.PodSecurityContext', { runAsUser: 2 ** 40 }, '10808080808020'],
    ['the largest one', 'core.v1.PodSecurityContext', { runAsUser: Number(2n ** 63n - 1n) }, '10ffffffffffffffff7f'],
    ['the smallest one', 'core.v1.PodSecurityContext', { runAsUser: -(2 ** 63) }, '1080808080808080808001'],
    ['the longest time', 'meta.v1.Duration', '2562047h47m16.854775807s' as never, '08ffffffffffffffff7f'],
    [
      'tags of two bytes',
      'core.v1.Container',
      { tty: true, name: 'a' },
      '0a0161 1200 2a00 4200 6a00 7200 8001 00 8801 00 9001 01 a20100',
    ],
    [
      'bytes',
      'core.v1.Secret',
      { data: { a: 'AAE=', e: '' } },
      `0a10 ${META} 1207 0a0161 12020001 1205 0a0165 1200 1a00`,
    ],
    [
      'texts of more bytes than characters',
      'meta.v1.StatusCause',
      { message: 'é\u{1F600}' },
      '0a00 1206c3a9f09f9880 1a00',
    ],
    [
      'times',
      'meta.v1.ManagedFieldsEntry',
      { time: '1970-01-01T00:00:05Z' },
      '0a00 1200 1a00 2204 0805 1000 3200 4200',
    ],
    [
      'times of microseconds',
      'coordination.v1.LeaseSpec',
      { renewTime: '1970-01-01T00:00:01.000250Z' },
      '2206 0801 1090a10f',
    ],
    ['quantities', 'core.v1.ResourceFieldSelector', { divisor: '1Mi' }, '0a00 1200 1a05 0a03314d69'],
    ['quantities that are unset', 'core.v1.ResourceFieldSelector', {}, '0a00 1200 1a03 0a0130'],
    ['numbers that may be texts', 'core.v1.TCPSocketAction', { port: 80 }, '0a06 0800 1050 1a00 1200'],
    ['texts that may be numbers', 'core.v1.TCPSocketAction', { port: 'http' }, '0a0a 0801 1000 1a0468747470 1200'],
    ['what is inlined', 'core.v1.Volume', { name: 'v', emptyDir: {} }, '0a0176 1204 1202 0a00'],
    [
      'any JSON',
      'resource.v1.OpaqueDeviceConfiguration',
      { driver: 'd', parameters: { a: [1, null] } },
      '0a0164 1210 0a0e7b2261223a5b312c6e756c6c5d7d',
    ],
    ['schema or not', 'apiextensions.v1.JSONSchemaPropsOrBool', false as unknown as object, '0800'],
    ['durations', 'metrics.v1beta1.NodeMetrics', { window: '1ms' }, `0a10 ${META} 1200 1a04 08c0843d`],
  ];
  for (const [what, message, object, expected] of TABLE) {
    it(what, () => assert.equal(hex(message, object), bytes(expected)));
  }

  it('objects larger than the writer at first', () => {
    const data = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`k${i}`, 'x'.repeat(i % 200)]));
    const { data: read } = decodeMessage('core.v1.ConfigMap', encodeMessage('core.v1.ConfigMap', { data }));
    assert.deepEqual(read, data);
  });

  it('what the message has not is left out, and what it inherits too', () => {
    const odd = JSON.parse('{"name":"a","__proto__":{"value":"x"},"constructor":1}');
    assert.equal(hex('core.v1.EnvVar', odd), bytes('0a0161 1200'));
  });
});

const SCHEMA = 'apiextensions.v1.JSONSchemaProps';

/** Schemas within schemas. */
const DEEPEST = 2;

/** An object with all fields of a message; each value is another. `depth` counts the schemas around it. */
class Filler {
  private count = 0;

  message(message: string, depth = 0): unknown {
    const { count } = this;
    switch (message) {
      case 'meta.v1.Time':
        return new Date(1e12 + count * 1000).toISOString().replace('.000', '');
      case 'meta.v1.MicroTime':
        return new Date(1e12 + count).toISOString().replace('Z', `${100 + (count % 900)}Z`);
      case 'meta.v1.Duration':
        return '1h1m1.5s';
      case 'api.resource.Quantity':
        return `${count}Mi`;
      case 'util.intstr.IntOrString':
        return count % 2 === 0 ? count : `${count}%`;
      case 'apiextensions.v1.JSONSchemaPropsOrArray':
      case 'apiextensions.v1.JSONSchemaPropsOrBool':
        return this.message(SCHEMA, depth);
      case 'apiextensions.v1.JSONSchemaPropsOrStringArray':
        return ['a', 'b'];
      case 'apiextensions.v1.JSON':
      case 'pkg.runtime.RawExtension':
      case 'meta.v1.FieldsV1':
        return { 'f:a': { '.': {}, n: [count, null, 1.5, 'ü'] } };
      default:
        if (/(Extra|Attestation)Value$|Verbs$/.test(message)) return ['x', 'y'];
        return this.fields(fieldsOf(message), message === SCHEMA ? depth + 1 : depth);
    }
  }

  private fields(fields: WireFields, depth: number): object {
    const object: Record<string, unknown> = {};
    for (const [name, type] of Object.values(fields)) {
      if (depth === DEEPEST && type.includes(SCHEMA)) continue;
      if (type[0] === '~') Object.assign(object, this.message(type.slice(1), depth));
      else if (type[0] === '[') object[name] = [this.value(type.slice(1), depth), this.value(type.slice(1), depth)];
      else if (type[0] === '{')
        object[name] = { b: this.value(type.slice(1), depth), a: this.value(type.slice(1), depth) };
      else object[name] = this.value(type, depth);
    }
    return object;
  }

  private value(type: string, depth: number): unknown {
    this.count += 1;
    const { count } = this;
    switch (type) {
      case 's':
        return `text ${count}`;
      case 'b':
        return count % 2 === 0;
      case 'i':
        return count * 1_000_003 * (count % 3 === 0 ? -1 : 1);
      case 'd':
        return count / 8;
      case 'y':
        return Buffer.from([count & 0xff, 0, 0xff]).toString('base64');
      default:
        return this.message(type, depth);
    }
  }
}

describe('every kind of the release', () => {
  const kinds = allResources().map(({ schemaName }) => schemaName);

  for (const schemaName of new Set(kinds)) {
    it(`${messageName(schemaName)} is read as it was written`, () => {
      const object = new Filler().message(messageName(schemaName)) as Record<string, unknown>;
      assert.ok(Object.keys(object).length > 0);
      const encoded = encodeMessage(messageName(schemaName), object);
      assert.deepEqual(decodeMessage(schemaName, encoded), JSON.parse(JSON.stringify(object)));
    });
  }
});
