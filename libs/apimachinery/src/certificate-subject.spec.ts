import assert from 'node:assert/strict';
import { certificateUser } from './certificate-subject.js';

test('the common name is the user, the organizations are the groups', () => {
  assert.deepEqual(certificateUser({ CN: 'jane', O: 'dev' }), { name: 'jane', groups: ['dev'] });
  assert.deepEqual(certificateUser({ CN: 'jane', O: ['dev', 'ops'] }), { name: 'jane', groups: ['dev', 'ops'] });
  assert.deepEqual(certificateUser({ CN: 'jane' }), { name: 'jane', groups: [] });
});

test('of several common names the last counts', () => {
  assert.equal(certificateUser({ CN: ['system:node:a', 'system:node:b'] })?.name, 'system:node:b');
});

test('without a common name, or with an empty last one, a certificate names nobody', () => {
  for (const CN of [undefined, '', [], ['jane', '']]) assert.equal(certificateUser({ CN, O: 'dev' }), undefined);
});
