import assert from 'node:assert/strict';
import { Authorizer } from './authorization.js';
import { ReviewClient } from './testing/review-client.js';

test('Many requests at once of one user are one question', async () => {
  const reviews = new ReviewClient();
  reviews.allow = () => false;
  const authorizer = new Authorizer(reviews.client, 'node-1', () => 0);
  const user = { name: 'pod', groups: [] };
  const refused = { code: 403 };
  const all = Array.from({ length: 100 }, () => assert.rejects(authorizer.authorize(user, 'GET', '/logs/'), refused));
  await Promise.all(all);
  assert.equal(reviews.asked.length, 1);
  // An answer that never came is asked for again.
  reviews.broken = true;
  await assert.rejects(authorizer.authorize(user, 'GET', '/metrics'), { code: 500 });
  reviews.broken = false;
  await assert.rejects(authorizer.authorize(user, 'GET', '/metrics'), refused);
  assert.equal(reviews.asked.length, 3);
});
