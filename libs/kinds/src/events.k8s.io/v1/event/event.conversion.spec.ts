import assert from 'node:assert/strict';
import { given } from '../../../testing/spec-support.js';
import { eventFromStorage, eventToStorage } from './event.conversion.js';

const body = {
  eventTime: '2026-01-01T00:00:00.000000Z',
  regarding: { kind: 'Pod', name: 'p', namespace: 'ns' },
  note: 'hello',
  reason: 'R',
  action: 'A',
  type: 'Normal',
  reportingController: 'x/y',
  reportingInstance: 'i',
  series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' },
};

describe('an event of the new group', () => {
  it('is stored in the core form', () => {
    const core = eventToStorage(given('events.k8s.io/v1/events', body));
    assert.equal(core.apiVersion, 'v1');
    assert.deepEqual(
      [
        core['involvedObject'].name,
        core['message'],
        core['reportingComponent'],
        core['source'],
        core['firstTimestamp'],
      ],
      ['p', 'hello', 'x/y', {}, null],
    );
  });

  it('reads as it was written', () => {
    const event = given('events.k8s.io/v1/events', body);
    assert.deepEqual(eventFromStorage(eventToStorage(event)), event);
  });

  it('shows what only core events have as deprecated fields', () => {
    const event = eventFromStorage(
      given('v1/events', { count: 4, source: { component: 'kubelet' }, firstTimestamp: '2026-01-01T00:00:00Z' }),
    );
    assert.deepEqual(
      [
        event['deprecatedCount'],
        event['deprecatedSource'].component,
        event['deprecatedFirstTimestamp'],
        event['reportingController'],
      ],
      [4, 'kubelet', '2026-01-01T00:00:00Z', undefined],
    );
  });
});
