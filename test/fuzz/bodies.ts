import { stringify } from 'yaml';
import type { Dice } from './dice.js';
import type { Json } from './mutations.js';
import { writeJson } from './raw-json.js';

export interface Body {
  type: string;
  bytes: Buffer;
}

/** An object as a client may send it, now and then with damaged bytes. */
export function bodyOf(dice: Dice, object: Json, patchType?: string): Body {
  const text = writeJson(object);
  const bytes = Buffer.from(text);
  if (patchType !== undefined) return { type: patchType, bytes: damaged(dice, bytes) };
  return dice.chance(0.85)
    ? { type: dice.chance(0.95) ? 'application/json' : oddType(dice), bytes: damaged(dice, bytes) }
    : dice.oneOf<Body>(
        () => ({ type: 'application/yaml', bytes: damaged(dice, yaml(text)) }),
        () => ({ type: 'application/yaml', bytes: damaged(dice, bytes) }),
        () => ({ type: 'application/vnd.kubernetes.protobuf', bytes: wireNoise(dice, object) }),
        () => ({ type: 'application/json', bytes: dice.bytes(dice.below(200)) }),
      );
}

function yaml(json: string): Buffer {
  try {
    return Buffer.from(stringify(JSON.parse(json)));
  } catch {
    return Buffer.from(json);
  }
}

function oddType(dice: Dice): string {
  return dice.pick([
    'application/cbor',
    'text/plain',
    '*/*',
    'application/json; charset=utf-16',
    '__proto__',
    'application/json;;',
  ]);
}

/** Mostly as they are; else cut, changed, with bytes that are no UTF-8, or with text after the end. */
export function damaged(dice: Dice, bytes: Buffer): Buffer {
  if (!dice.chance(0.08)) return bytes;
  const at = dice.below(bytes.length + 1);
  const splice = (middle: Buffer | string, skip = 0): Buffer =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from(middle), bytes.subarray(at + skip)]);
  return dice.oneOf(
    () => bytes.subarray(0, at),
    () => splice(dice.bytes(1), 1),
    () => splice(dice.bytes(1 + dice.below(4))),
    () => splice(dice.pick([Buffer.from([0xff]), Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80])])),
    () => splice(dice.pick(['"', '\\', '{', '}', '[', ',', ':', '\ufeff', '\0', '//', '\\u0000', '\\ud800'])),
    () => Buffer.concat([bytes, Buffer.from(dice.pick(['{}', 'x', ' ', '\n---\n{}', '\0']))]),
  );
}

/** The envelope of an object around messages of random fields. */
function wireNoise(dice: Dice, object: Json): Buffer {
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
  const text = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : '');
  const message = (depth: number): Buffer =>
    Buffer.concat(
      dice.times(5, () => {
        const number = 1 + dice.below(15);
        if (depth > 0 && dice.chance(0.6)) return field(number, message(depth - 1));
        if (dice.chance(0.5)) return field(number, dice.chance(0.5) ? Buffer.from('a') : dice.bytes(dice.below(6)));
        return Buffer.concat([Buffer.from([(number << 3) | dice.below(8)]), dice.bytes(1 + dice.below(10))]);
      }),
    );
  const metadata = field(
    1,
    Buffer.concat([field(1, text((object['metadata'] as Json | undefined)?.['name'])), message(1)]),
  );
  const type = field(1, Buffer.concat([field(1, text(object['apiVersion'])), field(2, text(object['kind']))]));
  const raw = field(2, Buffer.concat([metadata, message(4)]));
  const whole = Buffer.concat([Buffer.from('k8s\0'), type, raw]);
  return dice.chance(0.1) ? whole.subarray(0, dice.below(whole.length)) : whole;
}

function varint(value: number): Buffer {
  const bytes = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}
