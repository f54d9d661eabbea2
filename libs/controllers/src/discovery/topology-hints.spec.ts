import assert from 'node:assert/strict';
import type { Endpoint, EndpointSlice, Node } from '#kinds';
import { buildService } from '#testing';
import type { PortGroup, SlicePlan } from './slice-plan.js';
import { allocate, asksForHints, isOverloaded } from './topology-hints.js';
import { TopologyLedger } from './topology-ledger.js';
import { zoneShares } from './zone-shares.js';

const node = (
  name: string,
  zone: string | undefined,
  cpu = '4',
  more: { ready?: string; labels?: object } = {},
): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  spec: {},
  metadata: { name, labels: { ...(zone ? { 'topology.kubernetes.io/zone': zone } : {}), ...more.labels } },
  status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: more.ready ?? 'True' }] },
});

describe('shares of zones', () => {
  const rows: [name: string, nodes: Node[], expected: Record<string, number> | undefined][] = [
    [
      'are those of their processors',
      [node('a', 'a', '3'), node('b', 'b', '500m'), node('c', 'b', '500m')],
      { a: 0.75, b: 0.25 },
    ],
    [
      'leave out nodes that are not ready',
      [node('a', 'a'), node('b', 'b'), node('c', 'c', '4', { ready: 'False' })],
      { a: 0.5, b: 0.5 },
    ],
    [
      'leave out the control plane',
      [
        node('a', 'a'),
        node('b', 'b'),
        node('c', undefined, '4', { labels: { 'node-role.kubernetes.io/control-plane': '' } }),
      ],
      { a: 0.5, b: 0.5 },
    ],
    ['need the zone of each node', [node('a', 'a'), node('b', 'b'), node('c', undefined)], undefined],
    ['need the processors of each node', [node('a', 'a'), node('b', 'b', '0')], undefined],
    ['need two zones', [node('a', 'a'), node('b', 'a')], undefined],
  ];
  for (const [name, nodes, expected] of rows) {
    it(name, () => {
      const shares = zoneShares(nodes);
      assert.deepEqual(shares && Object.fromEntries(shares), expected);
    });
  }
});

describe('the annotation', () => {
  const MODE = 'service.kubernetes.io/topology-mode';
  const OLD = 'service.kubernetes.io/topology-aware-hints';
  it.each([
    [{ [MODE]: 'Auto' }, true],
    [{ [MODE]: 'auto' }, true],
    [{ [OLD]: 'auto' }, true],
    [{ [OLD]: 'disabled', [MODE]: 'Auto' }, false],
    [{ [MODE]: 'AUTO' }, false],
    [undefined, false],
  ])('%j', (annotations, expected) => assert.equal(asksForHints(annotations as never), expected));
});

describe('allocations', () => {
  const shares = (numbers: Record<string, number>) => new Map(Object.entries(numbers));

  it('follow the shares, within what one endpoint can bear', () => {
    const allocations = allocate(10, shares({ a: 0.7, b: 0.3 }));
    assert.ok(typeof allocations !== 'string');
    assert.deepEqual(Object.fromEntries(allocations), {
      a: { minimum: 6, maximum: 7, desired: 7 },
      b: { minimum: 3, maximum: 4, desired: 3 },
    });
  });

  it('are refused in the words of the reference', () => {
    assert.equal(allocate(1, shares({ a: 0.5, b: 0.5 })), 'Insufficient number of endpoints (1 endpoints, 2 zones)');
    assert.equal(
      allocate(2, shares({ a: 0.9, b: 0.1 })),
      'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (2 endpoints, 2 zones)',
    );
    assert.match(allocate(5, undefined) as string, /^Insufficient Node information/);
  });

  it('tell when a zone has too little', () => {
    const half = shares({ a: 0.5, b: 0.5 });
    assert.equal(isOverloaded(shares({ a: 5, b: 5 }), half), false);
    assert.equal(isOverloaded(shares({ a: 6, b: 4 }), half), true);
    assert.equal(isOverloaded(shares({ a: 10 }), half), true);
    assert.equal(isOverloaded(shares({ a: 5, b: 5 }), undefined), true);
    assert.equal(isOverloaded(new Map(), undefined), false);
  });
});

describe('a ledger of hints', () => {
  const service = buildService({}, 'web');
  const identity = { owner: service, addressType: 'IPv4' as const, labels: {}, placeholder: true };
  const KEY = 'default/web';
  const endpoint = (zone: string | undefined, at: number, ready = true): Endpoint => ({
    addresses: [`10.0.0.${at}`],
    conditions: { ready },
    targetRef: { kind: 'Pod', uid: `pod-${at}` },
    ...(zone ? { zone } : {}),
  });
  const group = (...endpoints: Endpoint[]): PortGroup[] => [{ ports: [{ name: '', port: 80 }], endpoints }];
  const inZones = (zones: string) => group(...[...zones].map((zone, at) => endpoint(zone, at + 1)));

  const ledgerOf = (nodes: Node[]) => new TopologyLedger({ values: () => nodes.values() });
  const even = () => ledgerOf([node('a', 'a'), node('b', 'b')]);
  const hints = (slices: readonly EndpointSlice[]) =>
    slices.flatMap((slice) => slice.endpoints!.map(({ hints: given }) => given?.forZones?.[0]?.name ?? '-')).join('');
  const applied = ({ create, update }: SlicePlan): EndpointSlice[] =>
    [...create, ...update].map((slice, at) => ({
      ...slice,
      metadata: { ...slice.metadata, name: `s${at}`, uid: `s${at}` },
    }));

  it('keeps endpoints in their zones where that is even, and says once that hints are on', () => {
    const ledger = even();
    const { plan, events } = ledger.plan(KEY, identity, [], inZones('aabb'));
    assert.equal(hints(plan.create), 'aabb');
    assert.deepEqual(events, [
      {
        type: 'Normal',
        reason: 'TopologyAwareHintsEnabled',
        message: 'Topology Aware Hints has been enabled, addressType: IPv4',
      },
    ]);
    const again = ledger.plan(KEY, identity, applied(plan), inZones('aabb'));
    assert.deepEqual(again, { plan: { create: [], update: [], remove: [] }, events: [] });
  });

  it('gives endpoints of a full zone to another one', () => {
    const { plan } = even().plan(KEY, identity, [], inZones('aaab'));
    assert.equal(hints(plan.create), 'baab');
  });

  it('gives no hint to an endpoint that is not ready', () => {
    const wanted = group(endpoint('a', 1), endpoint('b', 2), endpoint('a', 3, false));
    const { plan } = even().plan(KEY, identity, [], wanted);
    assert.equal(hints(plan.create), 'ab-');
  });

  it('leaves hints alone that still fit, and gives new ones where a zone is gone', () => {
    const first = even().plan(KEY, identity, [], inZones('aaab'));
    const moved = ledgerOf([node('a', 'a'), node('b', 'b'), node('c', 'b', '1')]).plan(
      KEY,
      identity,
      applied(first.plan),
      inZones('aaab'),
    );
    assert.deepEqual(moved.plan.update, []);
    const gone = ledgerOf([node('a', 'a'), node('c', 'c')]).plan(KEY, identity, applied(first.plan), inZones('aaab'));
    assert.equal([...hints(gone.plan.update)].filter((zone) => zone === 'c').length, 1);
  });

  it('takes all hints away, and says why, when they cannot be given', () => {
    const ledger = even();
    const first = ledger.plan(KEY, identity, [], inZones('ab'));
    const lone = ledger.plan(KEY, identity, applied(first.plan), inZones('a'));
    assert.equal(hints(lone.plan.update), '-');
    assert.deepEqual(lone.events, [
      {
        type: 'Warning',
        reason: 'TopologyAwareHintsDisabled',
        message: 'Insufficient number of endpoints (1 endpoints, 2 zones), addressType: IPv4',
      },
    ]);
    const zoneless = ledger.plan(KEY, identity, [], group(endpoint('a', 1), endpoint(undefined, 2)));
    assert.equal(hints(zoneless.plan.create), '--');
    assert.equal(zoneless.events[0]!.message, 'One or more endpoints do not have a zone specified, addressType: IPv4');
  });

  it('says that hints are off when the Service no longer asks, once', () => {
    const ledger = even();
    ledger.plan(KEY, identity, [], inZones('ab'));
    assert.deepEqual(
      ledger.end(KEY, 'IPv4').map(({ message }) => message),
      ['Topology Aware Hints has been disabled, addressType: IPv4'],
    );
    assert.deepEqual(ledger.end(KEY, 'IPv4'), []);
  });

  it('names the Services that nodes leave with too little', () => {
    const nodes = [node('a', 'a'), node('b', 'b')];
    const ledger = ledgerOf(nodes);
    ledger.plan(KEY, identity, [], inZones('aabb'));
    assert.deepEqual(ledger.nodesChanged(), []);
    nodes.push(node('c', 'a', '20'));
    assert.deepEqual(ledger.nodesChanged(), [KEY]);
    ledger.forget(KEY);
    assert.deepEqual(ledger.nodesChanged(), []);
  });
});
