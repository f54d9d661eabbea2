import assert from 'node:assert/strict';
import type { Endpoint } from '#kinds';
import { chooseEndpoints } from './endpoint-choice.js';

/** `name[@node][state][>hints]`: state is r(eady), d(raining), s(tarting); hints are zones, or nodes with a star. */
function endpoint(text: string): Endpoint {
  const [, name = '', node, state, hints = ''] = /^(\w+)(?:@(\w+))?:([rds])(?:>(.*))?$/.exec(text)!;
  const names = hints.split(',').filter((hint) => hint !== '');
  const forNodes = names.filter((hint) => hint.startsWith('*')).map((hint) => ({ name: hint.slice(1) }));
  const forZones = names.filter((hint) => !hint.startsWith('*')).map((hint) => ({ name: hint }));
  return {
    addresses: [name],
    ...(node ? { nodeName: node } : {}),
    conditions: { ready: state === 'r', serving: state !== 's', terminating: state === 'd' },
    ...(names.length > 0 ? { hints: { forNodes, forZones } } : {}),
  };
}

describe('the endpoints that get new flows', () => {
  const cases: [what: string, endpoints: string, all: string, local: string][] = [
    ['are the ready ones', 'a@here:r b@there:r c@here:s d@here:d', 'a b', 'a'],
    ['are draining ones when none is ready', 'a@here:d b@there:d c@here:s', 'a b', 'a'],
    ['are draining ones here when the ready ones are elsewhere', 'a@here:d b@there:r', 'b', 'a'],
    ['are those of the zone', 'a@there:r>near b@there:r>far', 'a', ''],
    ['are all when one has no hint', 'a@there:r>near b@there:r', 'a b', ''],
    ['are all when no hint is for here', 'a@there:r>far b@there:r>far', 'a b', ''],
    ['are those of the node before those of the zone', 'a@here:r>near,*here b@there:r>near,*there', 'a', 'a'],
    ['are those of the zone when none is for the node', 'a@there:r>near,*there b@away:r>far,*away', 'a', ''],
    ['do not depend on hints of what is not ready', 'a@there:r>near b@there:d', 'a', ''],
    ['are not kept from the node by hints', 'a@here:r>far b@there:r>near', 'b', 'a'],
    ['are none', 'a@here:s', '', ''],
  ];
  for (const [what, endpoints, all, local] of cases) {
    it(`${what}: ${endpoints}`, () => {
      const candidates = endpoints.split(' ').map((text) => ({ endpoint: endpoint(text), port: 80 }));
      const chosen = chooseEndpoints(candidates, { nodeName: 'here', zone: 'near' });
      const names = (which: 'usable' | 'usableLocally') =>
        chosen.filter((it) => it[which]).map((it) => it.endpoint.addresses[0]);
      assert.deepEqual([names('usable').join(' '), names('usableLocally').join(' ')], [all, local]);
    });
  }

  it('have no zone on a node without one', () => {
    const candidates = ['a:r>near', 'b:r>far'].map((text) => ({ endpoint: endpoint(text), port: 80 }));
    assert.equal(chooseEndpoints(candidates, { nodeName: 'here', zone: '' }).filter(({ usable }) => usable).length, 2);
  });
});
