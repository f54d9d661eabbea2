import assert from 'node:assert/strict';
import { serviceUnavailable } from '#apimachinery';
import { aPod } from '../testing/pod-builders.js';
import { pullSecrets } from './pull-secrets.js';

interface Case {
  title: string;
  names: (string | undefined)[];
  found: string[];
  event?: string;
  logged?: number;
}

const cases: Case[] = [
  { title: 'secrets that are there are used', names: ['one', 'two'], found: ['one', 'two'] },
  { title: 'an entry without a name asks for nothing', names: [undefined, '', 'one'], found: ['one'] },
  {
    title: 'one that is missing is named by an event',
    names: ['one', 'none'],
    found: ['one'],
    event: '(none)',
  },
  {
    title: 'and so is one that the API server does not give, which is logged with the reason',
    names: ['broken', 'none', 'one'],
    found: ['one'],
    event: '(broken, none)',
    logged: 1,
  },
];

for (const { title, names, found, event, logged = 0 } of cases) {
  test(title, async () => {
    const events: string[] = [];
    const log: unknown[] = [];
    const warn = (_message: string, fields?: object) => void log.push(fields);
    const services = {
      source: {
        configMap: async () => undefined,
        secret: async (_namespace: string, name: string) => {
          if (name === 'broken') throw serviceUnavailable('the database is away');
          return name === 'none' ? undefined : { apiVersion: 'v1', kind: 'Secret', metadata: { name } };
        },
      },
      events: {
        event: (_object: unknown, type: string, reason: string, message: string) =>
          void events.push(`${type} ${reason} ${message}`),
      },
      logger: { info: warn, warn, error: warn },
    };
    const secrets = await pullSecrets(services, aPod({ imagePullSecrets: names.map((name) => ({ name })) }));
    assert.deepEqual(
      secrets.map(({ metadata }) => metadata.name),
      found,
    );
    const text = `Warning FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets ${event}; attempting to pull the image may not succeed.`;
    assert.deepEqual(events, event ? [text] : []);
    assert.equal(log.length, logged);
  });
}
