import assert from 'node:assert/strict';
import { signalNumber } from './signals.js';

for (const [name, number] of [
  ['SIGABRT', 1],
  ['SIGTERM', 23],
  ['SIGXFSZ', 34],
  ['SIGRTMIN', 35],
  ['SIGRTMIN+15', 50],
  ['SIGRTMAX-14', 51],
  ['SIGRTMAX', 65],
  ['SIGNONE', 0],
] as const) {
  test(`${name} is ${number}`, () => assert.equal(signalNumber(name), number));
}
