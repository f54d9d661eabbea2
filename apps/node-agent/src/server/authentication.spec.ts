import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Authenticator } from './authentication.js';
import { ReviewClient } from './testing/review-client.js';

describe('what tokens of strangers may cost', () => {
  let reviews: ReviewClient;
  let authenticator: Authenticator;
  const ask = (token: string) =>
    authenticator.authenticate({ socket: {}, headers: { authorization: `Bearer ${token}` } } as IncomingMessage);

  beforeEach(() => {
    reviews = new ReviewClient();
    reviews.tokens.set('good', { username: 'robot', groups: ['robots'] });
    authenticator = new Authenticator(reviews.client, () => 0);
  });

  it('is not the place of a good one', async () => {
    assert.equal((await ask('good'))?.name, 'robot');
    for (let index = 0; index < 2000; index++) assert.equal(await ask(`bad-${index}`), undefined);
    reviews.asked.length = 0;
    assert.equal((await ask('good'))?.name, 'robot');
    assert.equal(await ask('bad-1999'), undefined);
    assert.deepEqual(reviews.asked, []);
  });

  it('is one question about each at a time, and few about all', async () => {
    await ask('good');
    reviews.asked.length = 0;
    let release = () => {};
    reviews.held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const same = [ask('same'), ask('same')];
    const others = Array.from({ length: 31 }, (_, index) => ask(`other-${index}`));
    await assert.rejects(ask('one-more'), { code: 429 });
    assert.equal(reviews.asked.length, 32);
    assert.equal((await ask('good'))?.name, 'robot');
    release();
    assert.deepEqual(new Set(await Promise.all([...same, ...others])), new Set([undefined]));
    reviews.held = undefined;
    assert.equal(await ask('one-more'), undefined);
  });
});
