import type { Dice } from './dice.js';
import { hostileText } from './hostile.js';

/** A longer request line is refused before it is read, and its connection is closed. */
const LONGEST_VALUE = 500;

/** As encodeURIComponent, also of text that is no Unicode; some of it is no UTF-8. */
function encoded(dice: Dice, text: string): string {
  return dice.chance(0.02)
    ? `${dice.pick(['%ff', '%', '%zz', '%c0%80'])}`
    : encodeURIComponent(Buffer.from(text.slice(0, LONGEST_VALUE)).toString());
}

function labelSelector(dice: Dice): string {
  const key = () => dice.pick(['a', 'app', 'example.com/a', 'a/b/c', '-', hostileText(dice)]);
  const term = () =>
    dice.oneOf(
      () =>
        `${key()}${dice.pick(['=', '==', '!=', '>', '<', '>=', '=>', '= ='])}${dice.pick(['b', '', '1', '-', 'x'.repeat(70)])}`,
      () =>
        `${key()} ${dice.pick(['in', 'notin', 'IN', 'not in'])} (${dice.times(4, key).join(',')}${dice.pick([')', ')', ')', ''])}`,
      () => `${dice.pick(['', '!', '! ', '!!'])}${key()}`,
    );
  return dice.times(4, term).join(dice.pick([',', ', ', ',,']));
}

function fieldSelector(dice: Dice, known: readonly string[]): string {
  const field = () =>
    dice.pick([...known, 'metadata.name', 'metadata.namespace', 'spec.x', '__proto__', hostileText(dice)]);
  const term = () =>
    `${field()}${dice.pick(['=', '==', '!=', '>', ''])}${dice.pick(['a', '', 'true', 'a\\,b', 'a\\', hostileText(dice)])}`;
  return dice.times(3, term).join(',');
}

/** Query of a list, a watch, or the deletion of a collection. */
export function listQuery(dice: Dice, fields: readonly string[]): string {
  const parameters: [string, () => string][] = [
    ['labelSelector', () => labelSelector(dice)],
    ['fieldSelector', () => fieldSelector(dice, fields)],
    ['limit', () => dice.pick(['0', '1', '2', '-1', 'x', '9223372036854775807', '9223372036854775808', '1.5'])],
    [
      'continue',
      () =>
        dice.pick([
          '',
          'x',
          Buffer.from('{"v":"meta.k8s.io/v1","rv":-1,"start":"x\\u0000"}').toString('base64'),
          hostileText(dice),
        ]),
    ],
    ['resourceVersion', () => dice.pick(['0', '1', '', '-1', 'x', '00', '1e3'])],
    ['resourceVersionMatch', () => dice.pick(['Exact', 'NotOlderThan', 'x', ''])],
    ['timeoutSeconds', () => dice.pick(['1', '0', '-1', 'x', '1e9'])],
    ['allowWatchBookmarks', () => dice.pick(['true', 'false', 'x'])],
    ['sendInitialEvents', () => dice.pick(['true', 'false', 'x'])],
    ['pretty', () => dice.pick(['true', '0', '__proto__'])],
  ];
  return joined(dice, parameters, 0.25);
}

/** Query of a write. */
export function writeQuery(dice: Dice): string {
  const parameters: [string, () => string][] = [
    ['fieldManager', () => dice.pick(['a', 'kubectl', 'x'.repeat(129), hostileText(dice)])],
    ['fieldValidation', () => dice.pick(['Strict', 'Warn', 'Ignore', 'Ignore', 'x'])],
    ['dryRun', () => dice.pick(['All', 'x', ''])],
    ['pretty', () => 'true'],
  ];
  return joined(dice, parameters, 0.12);
}

export function deleteQuery(dice: Dice): string {
  const parameters: [string, () => string][] = [
    ['gracePeriodSeconds', () => dice.pick(['0', '1', '-1', 'x', '9223372036854775808'])],
    ['propagationPolicy', () => dice.pick(['Foreground', 'Background', 'Orphan', 'x'])],
    ['orphanDependents', () => dice.pick(['true', 'false', 'x'])],
    ['dryRun', () => dice.pick(['All', 'x'])],
  ];
  return joined(dice, parameters, 0.2);
}

function joined(dice: Dice, parameters: [string, () => string][], share: number): string {
  const chosen = parameters.filter(() => dice.chance(share));
  return chosen.map(([name, value]) => `${name}=${encoded(dice, value())}`).join('&');
}

const JSON_TYPE = 'application/json';

export function accepted(dice: Dice): string {
  if (dice.chance(0.7)) return JSON_TYPE;
  return dice.pick([
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'application/vnd.kubernetes.protobuf,application/json',
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    'application/json;as=__proto__;v=v1;g=meta.k8s.io',
    'application/json;q=0',
    'text/html',
    '*/*;q=0.1',
    ',,,',
  ]);
}
