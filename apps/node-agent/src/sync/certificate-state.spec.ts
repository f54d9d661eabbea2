import assert from 'node:assert/strict';
import type { PodCertificateRequest } from '#kinds';
import { type Advance, advance, type CertificateState, stateName } from './certificate-state.js';

const MINUTE = 60_000;
const NOW = Date.parse('2026-01-01T12:00:00Z');
const block = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
const condition = (type: string) => ({
  ...{ type, status: 'True', reason: 'Because', message: 'it "is"' },
  lastTransitionTime: '2026-01-01T12:00:00Z',
});
const request = (...types: string[]): PodCertificateRequest =>
  ({
    metadata: { namespace: 'ns', name: 'req-1' },
    spec: {},
    status: {
      conditions: types.map(condition),
      certificateChain: `words\n${block('AAAA')}more\n${block('BBBB')}`,
      beginRefreshAt: '2026-01-01T23:00:00Z',
      notAfter: '2026-01-02T00:00:00Z',
    },
  }) as unknown as PodCertificateRequest;
const unanswered = { ...request(), status: {} };

const pending = { key: 'new', request: 'req-1', abandonAt: NOW + MINUTE };
const issuedUntil = (beginRefreshAt: number, rest = {}) => ({
  ...{ key: 'old', chain: 'C', beginRefreshAt, notAfter: beginRefreshAt + 60 * MINUTE },
  ...rest,
});
const current = issuedUntil(NOW + MINUTE);
const due = issuedUntil(NOW);
const overdue = issuedUntil(NOW - 11 * MINUTE);
const expired = issuedUntil(NOW - 61 * MINUTE);
const refusal = (type: 'Denied' | 'Failed') => ({ type, reason: 'Because', message: 'it "is"' });
const fresh = {
  issued: {
    key: 'new',
    chain: block('AAAA') + block('BBBB'),
    beginRefreshAt: Date.parse('2026-01-01T23:00:00Z') + 5,
    notAfter: Date.parse('2026-01-02T00:00:00Z'),
  },
};
const lateEvent = { reason: 'CertificateOverdueForRefresh', message: 'PodCertificate refresh overdue' };
const expiredEvent = { reason: 'CertificateExpired', message: 'PodCertificate expired' };
const toldBoth = { ...expired, toldOverdue: true as const, toldExpired: true as const };

type Row = [
  what: string,
  state: CertificateState,
  request: PodCertificateRequest | undefined,
  expected: Partial<Advance>,
];

describe('A certificate of a pod', () => {
  const table: Row[] = [
    ['is asked for at first', {}, undefined, { ask: true }],
    ['is waited for while the watch may be behind', { pending }, undefined, {}],
    ['is waited for while the request has no answer', { pending }, unanswered, {}],
    ['is there when it is issued', { pending }, request('Issued'), { state: fresh }],
    ['is replaced when it is issued again', { issued: due, pending }, request('Issued'), { state: fresh }],
    [
      'is refused for good',
      { pending },
      request('Denied'),
      {
        state: { refusal: refusal('Denied') },
        events: [
          {
            reason: 'Denied',
            message: 'PodCertificateRequest ns/req-1 was denied, reason="Because", message="it \\"is\\""',
          },
        ],
      },
    ],
    [
      'fails for good, also when there was one',
      { issued: due, pending },
      request('Failed'),
      {
        state: { refusal: refusal('Failed') },
        events: [
          {
            reason: 'Failed',
            message: 'PodCertificateRequest ns/req-1 failed, reason="Because", message="it \\"is\\""',
          },
        ],
      },
    ],
    ['is not asked for after a refusal', { refusal: refusal('Denied') }, undefined, {}],
    ['stays until its refresh is due', { issued: current }, undefined, {}],
    ['is asked for again when that is due', { issued: due }, undefined, { ask: true }],
    [
      'is late ten minutes after that',
      { issued: overdue },
      undefined,
      { state: { issued: { ...overdue, toldOverdue: true } }, events: [lateEvent], ask: true },
    ],
    [
      'is late also while another is waited for',
      { issued: overdue, pending },
      unanswered,
      { state: { issued: { ...overdue, toldOverdue: true }, pending }, events: [lateEvent] },
    ],
    [
      'is of no use after its end',
      { issued: expired },
      undefined,
      { state: { issued: toldBoth }, events: [lateEvent, expiredEvent], ask: true },
    ],
    ['is told of once', { issued: toldBoth }, undefined, { ask: true }],
  ];
  for (const [what, state, seen, expected] of table) {
    test(what, () => {
      const result = advance(state, { request: seen, now: NOW, jitter: 5 });
      assert.deepEqual(result, { state, events: [], ask: false, ...expected });
    });
  }

  test('is asked for anew when its request was deleted', () => {
    const later = { request: undefined, now: pending.abandonAt + 1, jitter: 0 };
    assert.deepEqual(advance({ pending }, later), { state: {}, events: [], ask: true });
    assert.deepEqual(advance({ issued: due, pending }, later), { state: { issued: due }, events: [], ask: true });
  });

  test('has a name for its state', () => {
    const names = [
      ...[{}, { pending }, { refusal: refusal('Denied') }, { refusal: refusal('Failed') }],
      ...[{ issued: current }, { issued: due, pending }, { issued: overdue }, { issued: expired }],
    ].map((state) => stateName(state, NOW));
    const expectedNames = ['not_yet_issued', 'not_yet_issued', 'denied', 'failed'];
    assert.deepEqual(names, [...expectedNames, 'fresh', 'fresh', 'overdue_for_refresh', 'expired']);
  });
});
