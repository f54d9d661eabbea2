import assert from 'node:assert/strict';
import type { AuthorizationAttributes, AuthorizationDecision } from './authorizer.js';
import { AuthorizerChain, type ChainedAuthorizer, constantLink } from './authorizer-chain.js';
import type { RbacAuthorizer } from './rbac-authorizer.js';

const ATTRIBUTES = { user: { name: 'jane', groups: [] } } as unknown as AuthorizationAttributes;
const masters = { ...ATTRIBUTES, user: { name: 'root', groups: ['system:masters'] } };

type Said = Partial<AuthorizationDecision> & { later?: boolean };

describe('a chain of authorizers', () => {
  const link = ({ later, ...said }: Said, counted: string[] = []): ChainedAuthorizer => {
    const decision = { decision: 'NoOpinion' as const, reason: '', ...said };
    return {
      authorize: () => (later ? Promise.resolve(decision) : decision),
      rulesFor: () => ({ rules: [], incomplete: Boolean(later), errors: later ? ['unknown'] : [] }),
      counter: (end) => counted.push(end),
    };
  };
  const chain = (links: ChainedAuthorizer[]) => new AuthorizerChain({} as RbacAuthorizer, links);
  const none = { decision: 'NoOpinion', reason: '' };

  const rows: [what: string, said: Said[], expected: object][] = [
    ['nobody', [], none],
    [
      'the first that allows',
      [{}, { decision: 'Allow', reason: 'a' }, { decision: 'Deny' }],
      { decision: 'Allow', reason: 'a' },
    ],
    [
      'the first that denies',
      [{ later: true }, { decision: 'Deny', reason: 'd' }, { decision: 'Allow' }],
      { decision: 'Deny', reason: 'd' },
    ],
    ['one that takes time', [{}, { decision: 'Allow', reason: 'a', later: true }], { decision: 'Allow', reason: 'a' }],
    [
      'all that have reasons',
      [{ reason: 'a' }, { later: true }, { reason: 'b', later: true }],
      { decision: 'NoOpinion', reason: 'a\nb' },
    ],
    [
      'all that failed',
      [{ error: 'x', later: true }, { error: 'y' }, { reason: 'r' }],
      { decision: 'NoOpinion', reason: 'r', error: '[x, y]' },
    ],
    [
      'one that allows after one that failed',
      [{ error: 'x' }, { decision: 'Allow' }],
      { decision: 'Allow', reason: '' },
    ],
  ];
  test.each(rows)('says what %s says', async (_, said, expected) => {
    assert.deepEqual(await chain(said.map((one) => link(one))).authorize(ATTRIBUTES), expected);
  });

  it('does not wait where nobody does', () => {
    assert.ok(!(chain([link({}), link({ decision: 'Allow' })]).authorize(ATTRIBUTES) instanceof Promise));
  });

  it('counts the decision that ends it', async () => {
    const [first, second]: string[][] = [[], []];
    await chain([link({}, first), link({ decision: 'Deny', later: true }, second)]).authorize(ATTRIBUTES);
    assert.deepEqual([first, second], [[], ['Deny']]);
  });

  it('lets system:masters do all, whoever denies', () => {
    assert.deepEqual(chain([link({ decision: 'Deny' })]).authorize(masters), { decision: 'Allow', reason: '' });
    assert.deepEqual(chain([constantLink(false)]).authorize(masters), { decision: 'Allow', reason: '' });
  });

  it('gives others their turn from one request to the next', async () => {
    const own = chain([constantLink(false)]);
    assert.deepEqual(await own.authorize(ATTRIBUTES), { decision: 'NoOpinion', reason: 'Everything is forbidden.' });
    own.replace([constantLink(true)]);
    assert.deepEqual(await own.authorize(ATTRIBUTES), { decision: 'Allow', reason: '' });
    assert.deepEqual(own.rulesFor(ATTRIBUTES.user, 'x').rules.length, 2);
  });

  it('lists what can be listed', () => {
    assert.deepEqual(chain([constantLink(false), link({ later: true })]).rulesFor(ATTRIBUTES.user, 'x'), {
      rules: [],
      incomplete: true,
      errors: ['unknown'],
    });
  });
});
