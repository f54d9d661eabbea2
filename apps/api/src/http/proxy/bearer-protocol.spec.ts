import assert from 'node:assert/strict';
import { bearerOfProtocols } from './upstream-pipe.js';

const PREFIX = 'base64url.bearer.authorization.k8s.io.';
const encoded = Buffer.from('a.b?c>d').toString('base64url');

test('a token among the subprotocols is the bearer token', () => {
  assert.equal(bearerOfProtocols(`v5.channel.k8s.io, ${PREFIX}${encoded}`), 'Bearer a.b?c>d');
  assert.equal(bearerOfProtocols('v5.channel.k8s.io'), undefined);
  assert.equal(bearerOfProtocols(undefined), undefined);
});

const refused: [what: string, protocols: string][] = [
  ['padding', `${PREFIX}${encoded}==`],
  ['a character that is not of the alphabet', `${PREFIX}${encoded.slice(0, 3)}!${encoded.slice(3)}`],
  ['the other alphabet of base64', `${PREFIX}${encoded.replaceAll('-', '+').replaceAll('_', '/')}+`],
  ['nothing', PREFIX],
  ['a second token', `${PREFIX}${encoded}, ${PREFIX}${encoded}`],
  ['text that is not encoded', `${PREFIX}a.b.c`],
];
for (const [what, protocols] of refused) {
  test(`with ${what} it is no token, and no absence of one`, () => {
    assert.equal(bearerOfProtocols(protocols), 'Bearer -');
  });
}
